import type { LayerSpec, Shape } from '../../src/engine/index.js';

/**
 * The layers once more, one image at a time, in doubles, with Math.exp and loops as the textbook writes them: what the
 * kernels are compared with, and what central differences are taken of.
 */
export interface NaiveTensors {
  w: ArrayLike<number>;
  b: ArrayLike<number>;
  /** What an `add` adds. */
  other?: Float64Array;
}

export interface NaiveOutput {
  y: Float64Array;
  shape: Shape;
}

export function naiveLayer(
  spec: LayerSpec,
  x: Float64Array,
  shape: Shape,
  { w, b, other }: NaiveTensors,
): NaiveOutput {
  switch (spec.type) {
    case 'conv2d':
      return conv2d(spec, x, shape, w, b);
    case 'depthwise_conv2d':
      return depthwise(spec, x, shape, w, b);
    case 'maxpool2d':
      return maxpool2d(spec, x, shape);
    case 'avgpool2d':
      return averagePool2d(x, shape, spec.size, spec.size, spec.stride ?? spec.size);
    case 'global_avgpool2d':
      return averagePool2d(x, shape, shape.height, shape.width, 1);
    case 'linear': {
      const y = Float64Array.from({ length: spec.units }, (_, u) => {
        let sum = b[u];
        for (let i = 0; i < x.length; i++) sum += w[u * x.length + i] * x[i];
        return sum;
      });
      return { y, shape: { channels: spec.units, height: 1, width: 1 } };
    }
    case 'relu':
      return { y: x.map((v) => (v > 0 ? v : 0)), shape };
    case 'leaky_relu':
      return { y: x.map((v) => (v > 0 ? v : v * (spec.slope ?? 0.01))), shape };
    case 'tanh':
      return { y: x.map((v) => Math.tanh(v)), shape };
    case 'sigmoid':
      return { y: x.map((v) => 1 / (1 + Math.exp(-v))), shape };
    case 'softmax': {
      const total = x.reduce((sum, v) => sum + Math.exp(v), 0);
      return { y: x.map((v) => Math.exp(v) / total), shape };
    }
    case 'batchnorm2d':
      throw new TypeError('Batch normalisation looks at all images of a group: naiveBatchNorm.');
    case 'flatten':
      return { y: x, shape: { channels: x.length, height: 1, width: 1 } };
    case 'dropout':
      return { y: x, shape };
    case 'add':
      return { y: x.map((v, i) => v + (other?.[i] ?? Number.NaN)), shape };
    default:
      throw new TypeError(`no such layer: ${JSON.stringify(spec satisfies never)}`);
  }
}

function conv2d(
  { filters, kernel, stride = 1, padding = 0 }: Extract<LayerSpec, { type: 'conv2d' }>,
  x: Float64Array,
  { channels, height, width }: Shape,
  w: ArrayLike<number>,
  b: ArrayLike<number>,
): NaiveOutput {
  const shape = {
    channels: filters,
    height: Math.floor((height + 2 * padding - kernel) / stride) + 1,
    width: Math.floor((width + 2 * padding - kernel) / stride) + 1,
  };
  const y = new Float64Array(filters * shape.height * shape.width);
  const at = (c: number, row: number, column: number): number =>
    row < 0 || row >= height || column < 0 || column >= width ? 0 : x[(c * height + row) * width + column];
  for (let f = 0; f < filters; f++) {
    for (let oy = 0; oy < shape.height; oy++) {
      for (let ox = 0; ox < shape.width; ox++) {
        let sum = b[f];
        for (let c = 0; c < channels; c++) {
          for (let ky = 0; ky < kernel; ky++) {
            for (let kx = 0; kx < kernel; kx++) {
              const weight = w[((f * channels + c) * kernel + ky) * kernel + kx];
              sum += weight * at(c, oy * stride + ky - padding, ox * stride + kx - padding);
            }
          }
        }
        y[(f * shape.height + oy) * shape.width + ox] = sum;
      }
    }
  }
  return { y, shape };
}

/** A convolution of each channel alone. */
function depthwise(
  { kernel, stride, padding }: Extract<LayerSpec, { type: 'depthwise_conv2d' }>,
  x: Float64Array,
  { channels, height, width }: Shape,
  w: ArrayLike<number>,
  b: ArrayLike<number>,
): NaiveOutput {
  const area = height * width;
  const planes = Array.from({ length: channels }, (_, c) => {
    const own = Array.from({ length: kernel * kernel }, (__, i) => w[c * kernel * kernel + i]);
    const plane = x.subarray(c * area, (c + 1) * area);
    const alone = { type: 'conv2d', filters: 1, kernel, stride, padding } as const;
    return conv2d(alone, plane, { channels: 1, height, width }, own, [b[c]]);
  });
  const y = Float64Array.from(planes.flatMap((plane) => [...plane.y]));
  return { y, shape: { ...planes[0].shape, channels } };
}

function maxpool2d(
  { size, stride = size }: Extract<LayerSpec, { type: 'maxpool2d' }>,
  x: Float64Array,
  { channels, height, width }: Shape,
): NaiveOutput {
  const shape = {
    channels,
    height: Math.floor((height - size) / stride) + 1,
    width: Math.floor((width - size) / stride) + 1,
  };
  const y = new Float64Array(channels * shape.height * shape.width).fill(Number.NEGATIVE_INFINITY);
  for (let c = 0; c < channels; c++) {
    for (let oy = 0; oy < shape.height; oy++) {
      for (let ox = 0; ox < shape.width; ox++) {
        const out = (c * shape.height + oy) * shape.width + ox;
        for (let row = oy * stride; row < oy * stride + size; row++) {
          for (let column = ox * stride; column < ox * stride + size; column++) {
            y[out] = Math.max(y[out], x[(c * height + row) * width + column]);
          }
        }
      }
    }
  }
  return { y, shape };
}

/** Batch normalisation in training, over all images given, which are x[C][area] each; and what it measured. */
export function naiveBatchNorm(
  images: readonly Float64Array[],
  channels: number,
  { w, b }: NaiveTensors,
  epsilon = 1e-5,
): { outputs: Float64Array[]; mean: Float64Array; variance: Float64Array } {
  const outputs = images.map((x) => new Float64Array(x.length));
  const area = images[0].length / channels;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const values = images.flatMap((x) => [...x.subarray(c * area, (c + 1) * area)]);
    mean[c] = values.reduce((sum, v) => sum + v, 0) / values.length;
    variance[c] = values.reduce((sum, v) => sum + (v - mean[c]) ** 2, 0) / values.length;
    for (const [n, x] of images.entries()) {
      for (let i = c * area; i < (c + 1) * area; i++) {
        outputs[n][i] = ((x[i] - mean[c]) / Math.sqrt(variance[c] + epsilon)) * w[c] + b[c];
      }
    }
  }
  return { outputs, mean, variance };
}

function averagePool2d(
  x: Float64Array,
  { channels, height, width }: Shape,
  windowHeight: number,
  windowWidth: number,
  stride: number,
): NaiveOutput {
  const shape = {
    channels,
    height: Math.floor((height - windowHeight) / stride) + 1,
    width: Math.floor((width - windowWidth) / stride) + 1,
  };
  const y = new Float64Array(channels * shape.height * shape.width);
  for (let c = 0; c < channels; c++) {
    for (let oy = 0; oy < shape.height; oy++) {
      for (let ox = 0; ox < shape.width; ox++) {
        let sum = 0;
        for (let row = oy * stride; row < oy * stride + windowHeight; row++) {
          for (let column = ox * stride; column < ox * stride + windowWidth; column++) {
            sum += x[(c * height + row) * width + column];
          }
        }
        y[(c * shape.height + oy) * shape.width + ox] = sum / (windowHeight * windowWidth);
      }
    }
  }
  return { y, shape };
}

/** −ln softmax(logits)[label], in nats */
export function naiveCrossEntropy(logits: Float64Array, label: number): number {
  return Math.log(logits.reduce((sum, v) => sum + Math.exp(v), 0)) - logits[label];
}

/** One lane of [n][16] as doubles. */
export function laneOf(buffer: Float32Array, lane: number): Float64Array {
  return Float64Array.from({ length: buffer.length / 16 }, (_, i) => buffer[i * 16 + lane]);
}
