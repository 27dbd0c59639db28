import type { Encoding } from '../encodings.js';

/** Images side by side in one activation buffer: every buffer is `[C][H][W][16]`, lanes innermost. */
export const LANES = 16;

/** Sizes of one convolution; `outHeight = ⌊(height + 2·padding − kernel) / stride⌋ + 1`, likewise the width. */
export interface Conv2dDims {
  channels: number;
  height: number;
  width: number;
  filters: number;
  kernel: number;
  stride: number;
  padding: number;
  outHeight: number;
  outWidth: number;
}

/** Sizes of one pooling without padding; rows and columns that no whole window covers are left out. */
export interface Pool2dDims {
  channels: number;
  height: number;
  width: number;
  size: number;
  stride: number;
  outHeight: number;
  outWidth: number;
}

/** Sizes of one average pooling without padding, over windows of any height and width; what no whole window covers is left out. */
export interface AveragePool2dDims {
  channels: number;
  height: number;
  width: number;
  windowHeight: number;
  windowWidth: number;
  stride: number;
  outHeight: number;
  outWidth: number;
}

/** Sizes of one depthwise convolution, as those of a convolution. */
export type DepthwiseDims = Omit<Conv2dDims, 'filters'>;

/** Channels and positions of what is normalised; of a vector every value is a channel of one position. */
export interface BatchNormDims {
  channels: number;
  area: number;
}

export interface LinearDims {
  inputs: number;
  units: number;
}

/** Bytes of a sample, `[channels][area]`, and the channels that the model wants; one channel of bytes fills them all. */
export interface PackDims {
  pixelChannels: 1 | 3;
  channels: number;
  area: number;
}

/** Images as bytes, `[channels][height][width]`, and the byte that is paper: what lies around the image, and what cut-outs show. */
export interface AugmentDims {
  channels: number;
  height: number;
  width: number;
  paper: number;
}

export type Activation =
  | { type: 'relu' }
  | { type: 'leaky_relu'; slope: number }
  | { type: 'tanh' }
  | { type: 'sigmoid' };

/**
 * What a backend must be able to do: one call per operation and group of sixteen images, over buffers that the caller owns.
 *
 * - Activations and their gradients are f32 `[C][H][W][16]`, parameters f32 in PyTorch's order.
 * - Dims objects are made once and passed again on every call: a backend may hang a prebuilt handle on their identity.
 * - Outputs are overwritten, except `dw`, `db` (`+=`: a microshard is several groups) and `add`.
 * - A workspace is memory to compute in, at least as long as asked for: what stands in it means nothing, before or after.
 * - Element-wise operations may be given one buffer as input and output.
 * - Lanes past the valid ones hold zeros going in and get a zero gradient from the loss: so they add exactly nothing.
 * - Two backends share a `numericsId` only if every operation gives the same bits.
 */
export interface Kernels {
  readonly name: string;
  readonly numericsId: string;

  /** Zeros, where this backend likes them in memory. Any other array will do as well, only slower. */
  allocate(length: number): Float32Array;
  /**
   * Whether an array that was not allocated here is copied there and back on each call, as by WebAssembly, which computes in
   * memory of its own: what is used often is worth a copy that stays.
   */
  readonly copies: boolean;
  /** These kernels with memory of their own, if they have any: given back as soon as nobody holds kernels or arrays. */
  forPlan(): Kernels;

  /** pixels[·][pixelChannels][area] u8 from sample `first`, table[256] → x[channels][area][16]; lanes ≥ `lanes` get 0. */
  packPixels(
    x: Float32Array,
    pixels: Uint8Array,
    first: number,
    lanes: number,
    table: Float32Array,
    dims: PackDims,
  ): void;

  /** Length of the workspace that the three operations below want for these dims; may be 0. */
  conv2dWorkspace(dims: Conv2dDims): number;
  /** x[C,H,W,16], w[F,C,K,K], b[F] → y[F,OH,OW,16] */
  conv2dForward(
    y: Float32Array,
    x: Float32Array,
    w: Float32Array,
    b: Float32Array,
    dims: Conv2dDims,
    workspace: Float32Array,
  ): void;
  /** dy[F,OH,OW,16], w[F,C,K,K] → dx[C,H,W,16] */
  conv2dBackwardInput(
    dx: Float32Array,
    dy: Float32Array,
    w: Float32Array,
    dims: Conv2dDims,
    workspace: Float32Array,
  ): void;
  /** x[C,H,W,16], dy[F,OH,OW,16] → dw[F,C,K,K] +=, db[F] += */
  conv2dBackwardParameters(
    dw: Float32Array,
    db: Float32Array,
    x: Float32Array,
    dy: Float32Array,
    dims: Conv2dDims,
    workspace: Float32Array,
  ): void;

  /** x[I,16], w[U,I], b[U] → y[U,16] */
  linearForward(y: Float32Array, x: Float32Array, w: Float32Array, b: Float32Array, dims: LinearDims): void;
  /** dy[U,16], w[U,I] → dx[I,16] */
  linearBackwardInput(dx: Float32Array, dy: Float32Array, w: Float32Array, dims: LinearDims): void;
  /** x[I,16], dy[U,16] → dw[U,I] +=, db[U] += */
  linearBackwardParameters(
    dw: Float32Array,
    db: Float32Array,
    x: Float32Array,
    dy: Float32Array,
    dims: LinearDims,
  ): void;

  /** x[C,H,W,16] → y[C,OH,OW,16], argmax[C,OH,OW,16] (row·size + column in the window; the first of equals) */
  maxPool2dForward(y: Float32Array, argmax: Uint8Array, x: Float32Array, dims: Pool2dDims): void;
  /** dy[C,OH,OW,16], argmax → dx[C,H,W,16] */
  maxPool2dBackward(dx: Float32Array, dy: Float32Array, argmax: Uint8Array, dims: Pool2dDims): void;

  /** x[C,H,W,16] → y[C,OH,OW,16], the mean of each window */
  averagePool2dForward(y: Float32Array, x: Float32Array, dims: AveragePool2dDims): void;
  /** dy[C,OH,OW,16] → dx[C,H,W,16] */
  averagePool2dBackward(dx: Float32Array, dy: Float32Array, dims: AveragePool2dDims): void;

  /** x[C,area,16], of which `lanes` ≥ 1 are images → statistics[2C]: mean, then (biased) variance of each channel over them */
  batchNormStatistics(statistics: Float32Array, x: Float32Array, lanes: number, dims: BatchNormDims): void;
  /** x[C,area,16], w[C], b[C], statistics[2C] (means, inverse deviations) → y = (x − mean)·inverse·w + b */
  batchNormForward(
    y: Float32Array,
    x: Float32Array,
    w: Float32Array,
    b: Float32Array,
    statistics: Float32Array,
    dims: BatchNormDims,
  ): void;
  /**
   * x, dy[C,area,16], statistics[2C] (means, inverse deviations of x) → dw[C] +=, db[C] +=, and what both got: sums[2C], Σ dy, then
   * Σ dy·(x − mean)·inverse
   */
  batchNormBackwardParameters(
    dw: Float32Array,
    db: Float32Array,
    sums: Float32Array,
    x: Float32Array,
    dy: Float32Array,
    statistics: Float32Array,
    lanes: number,
    dims: BatchNormDims,
  ): void;
  /** x, dy[C,area,16], w[C], statistics[2C], sums[2C] as above → dx[C,area,16]; lanes ≥ `lanes` get 0 */
  batchNormBackwardInput(
    dx: Float32Array,
    x: Float32Array,
    dy: Float32Array,
    w: Float32Array,
    statistics: Float32Array,
    sums: Float32Array,
    lanes: number,
    dims: BatchNormDims,
  ): void;

  /** x[C,H,W,16], w[C,K,K], b[C] → y[C,OH,OW,16]: each channel with a kernel of its own */
  depthwiseForward(
    y: Float32Array,
    x: Float32Array,
    w: Float32Array,
    b: Float32Array,
    dims: DepthwiseDims,
  ): void;
  /** dy[C,OH,OW,16], w[C,K,K] → dx[C,H,W,16] */
  depthwiseBackwardInput(dx: Float32Array, dy: Float32Array, w: Float32Array, dims: DepthwiseDims): void;
  /** x[C,H,W,16], dy[C,OH,OW,16] → dw[C,K,K] +=, db[C] += */
  depthwiseBackwardParameters(
    dw: Float32Array,
    db: Float32Array,
    x: Float32Array,
    dy: Float32Array,
    dims: DepthwiseDims,
  ): void;

  /** x[n] → y[n] */
  activationForward(y: Float32Array, x: Float32Array, activation: Activation): void;
  /** dy[n], y[n] (the activation's output) → dx[n] */
  activationBackward(dx: Float32Array, dy: Float32Array, y: Float32Array, activation: Activation): void;

  /** x[n] · m[n] → y[n]: dropout with its mask, forward and backward alike */
  multiply(y: Float32Array, x: Float32Array, m: Float32Array): void;

  /** x[classes,16] logits → y[classes,16] probabilities */
  softmaxForward(y: Float32Array, x: Float32Array, classes: number): void;
  /** x[classes,16] logits, labels[16] → losses[16] in nats; lanes ≥ `lanes` get 0 */
  crossEntropyForward(
    losses: Float64Array,
    x: Float32Array,
    labels: Uint8Array,
    lanes: number,
    classes: number,
  ): void;
  /** y[classes,16] probabilities, labels[16] → dx[classes,16], gradient of the loss sum; lanes ≥ `lanes` get 0 */
  crossEntropyBackward(
    dx: Float32Array,
    y: Float32Array,
    labels: Uint8Array,
    lanes: number,
    classes: number,
  ): void;

  /**
   * The same with targets[classes,classes] in place of "this class and no other": row `label` holds the weight of each class.
   * losses = Σₖ t[k]·−ln p[k]
   */
  softCrossEntropyForward(
    losses: Float64Array,
    x: Float32Array,
    labels: Uint8Array,
    targets: Float64Array,
    lanes: number,
    classes: number,
  ): void;
  /** dx[k] = y[k]·Σ t − t[k]; lanes ≥ `lanes` get 0 */
  softCrossEntropyBackward(
    dx: Float32Array,
    y: Float32Array,
    labels: Uint8Array,
    targets: Float64Array,
    lanes: number,
    classes: number,
  ): void;

  /**
   * pixels[count][channels][height][width] u8, changed in place, each image by its row of rows[count][rowLength]
   * (augmentation-row.ts); scratch[scratchLength]. Whole numbers only: all backends give the same bytes, whatever their numerics id.
   */
  augment(
    pixels: Uint8Array,
    count: number,
    rows: Int32Array,
    scratch: Float32Array,
    dims: AugmentDims,
  ): void;

  /**
   * x[n] → bytes[encodedBytes(encoding, n)] (encodings.ts); stream[4] of `streamWords` is what int8 rounds by, and read by nothing else.
   * All backends give the same bytes, whatever their numerics id.
   */
  encode(bytes: Uint8Array, x: Float32Array, encoding: Encoding, stream: Int32Array): void;
  /** y[n] ← the values that stand in bytes[encodedBytes(encoding, n)], or, with `add`, y[n] += them; all backends alike */
  decode(y: Float32Array, bytes: Uint8Array, encoding: Encoding, add: boolean): void;
  /**
   * indices[kept] ← the places in x[n], ascending, of its `kept` ≤ n values of the largest size; of equal sizes the first ones, and
   * what is no number counts as larger than all. All backends give the same places, whatever their numerics id.
   */
  selectLargest(indices: Int32Array, x: Float32Array): void;

  /** x[n] → y[n], as they are */
  copy(y: Float32Array, x: Float32Array): void;
  /** y[n] += x[n]: how two nodes of the summation tree become their parent */
  add(y: Float32Array, x: Float32Array): void;

  /**
   * What a coordinator does with a summed gradient, in doubles and rounded once when stored: all backends give the same bits,
   * whatever their numerics id. y[n] ← y[n]·factor[0]
   */
  scale(y: Float32Array, factor: Float64Array): void;
  /** sum[0] ← Σ x[n]², over four interleaved sums that are added in a fixed order */
  sumOfSquares(sum: Float64Array, x: Float32Array): void;
  /**
   * A step of gradient descent (optimizer.ts): parameters[n], velocity[n] (or none) change, gradient[n] does not.
   *
   * @param rule learning rate, momentum, weight decay, 1 for Nesterov's step
   */
  sgdUpdate(
    parameters: Float32Array,
    gradient: Float32Array,
    velocity: Float32Array,
    rule: Float64Array,
  ): void;
  /**
   * A step of Adam or AdamW (optimizer.ts): parameters[n], first[n], second[n] change, gradient[n] does not.
   *
   * @param rule step size, root of the correction, what is kept of a parameter, penalty, β₁, β₂, ε
   */
  adamUpdate(
    parameters: Float32Array,
    gradient: Float32Array,
    first: Float32Array,
    second: Float32Array,
    rule: Float64Array,
  ): void;
  /** lanes[17]: sixteen hashes go on over the bits of x[n], value i into hash i mod 16; the last becomes 1 if a value is not finite */
  hashLanes(lanes: Int32Array, x: Float32Array): void;
}

/** The backend asked for does not exist here; the message lists those that do. */
export class KernelsUnavailableError extends Error {
  override readonly name = 'KernelsUnavailableError';
}
