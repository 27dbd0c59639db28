import { encodingNumbers } from '../../../src/engine/encodings.js';
import { createRandom, encodedBytes, type Random, referenceKernels } from '../../../src/engine/index.js';
import { rowLength, scratchLength } from '../../../src/engine/kernels/augmentation-row.js';
import type { NativeOperations } from '../../../src/engine/kernels/native/native.js';

export type Operation = Exclude<
  keyof NativeOperations,
  'allocate' | 'multiplyAdds' | 'cacheLineOffset' | 'conv2dWorkspace'
>;
export type TypedArray = Float32Array | Float64Array | Uint8Array | Int32Array;

/** Arguments that an operation takes, and which of them it writes. */
export interface ValidCall {
  operation: Operation;
  args: (TypedArray | number)[];
  outputs: number[];
}

/** Arrays that an operation takes at whatever length they have, since there is no other to compare with: operation, argument. */
export const ofAnyLength: ReadonlyMap<string, number> = new Map([
  ['scale', 0],
  ['sumOfSquares', 1],
  ['hashLanes', 1],
  // Values of several lengths are written in equally many bytes, which come in fours.
  ['encode', 1],
  ['decode', 0],
  ['selectLargest', 1],
]);

export const isArray = (value: unknown): value is TypedArray => ArrayBuffer.isView(value);

const dims = (...sizes: number[]): Int32Array => Int32Array.from(sizes);

function call(operation: Operation, args: ValidCall['args'], outputs = [0]): ValidCall {
  return { operation, args, outputs };
}

/** Of convolutions drawn small, which are computed directly, and of some that are not and need a workspace; and depthwise ones. */
function conv2dCalls(random: Random, operations: NativeOperations, wide: boolean): ValidCall[] {
  const between = (least: number, most: number): number => least + random.below(most - least + 1);
  const f32 = (length: number): Float32Array => values(random, length);
  const kernel = wide ? 3 + 2 * random.below(2) : between(1, 6);
  const padding = random.below(kernel);
  const [channels, filters] = wide ? [between(12, 20), between(12, 20)] : [between(1, 9), between(1, 9)];
  const stride = wide ? 1 : between(1, 3);
  const [height, width] = [kernel + random.below(8), kernel + random.below(8)];
  const outHeight = Math.floor((height + 2 * padding - kernel) / stride) + 1;
  const outWidth = Math.floor((width + 2 * padding - kernel) / stride) + 1;
  const conv = dims(channels, height, width, filters, kernel, stride, padding, outHeight, outWidth);
  const image = channels * height * width * 16;
  const map = filters * outHeight * outWidth * 16;
  const depthwise = dims(channels, height, width, kernel, stride, padding, outHeight, outWidth);
  const each = channels * outHeight * outWidth * 16;
  const taps = channels * kernel * kernel;
  const weights = filters * channels * kernel * kernel;
  const workspace = operations.conv2dWorkspace(conv);
  return [
    call('conv2dForward', [f32(map), f32(image), f32(weights), f32(filters), conv, f32(workspace)], [0, 5]),
    call('conv2dBackwardInput', [f32(image), f32(map), f32(weights), conv, f32(workspace)], [0, 4]),
    call(
      'conv2dBackwardParameters',
      [f32(weights), f32(filters), f32(image), f32(map), conv, f32(workspace)],
      [0, 1, 5],
    ),
    call('depthwiseForward', [f32(each), f32(image), f32(taps), f32(channels), depthwise]),
    call('depthwiseBackwardInput', [f32(image), f32(each), f32(taps), depthwise]),
    call('depthwiseBackwardParameters', [f32(taps), f32(channels), f32(image), f32(each), depthwise], [0, 1]),
  ];
}

/** A valid call of every operation and more, with sizes and values drawn from the seed. */
export function validCalls(seed: number, operations: NativeOperations): ValidCall[] {
  const random = createRandom(seed, 99);
  const between = (least: number, most: number): number => least + random.below(most - least + 1);
  const f32 = (length: number): Float32Array => values(random, length);
  const numbers = (length: number): Float64Array => Float64Array.from({ length }, () => random.float());

  const [inputs, units] = [between(1, 50), between(1, 30)];
  const linear = dims(inputs, units);

  const [size, step, channels] = [between(1, 4), between(1, 4), between(1, 9)];
  const [rows, columns] = [size + random.below(7), size + random.below(7)];
  const poolRows = Math.floor((rows - size) / step) + 1;
  const poolColumns = Math.floor((columns - size) / step) + 1;
  const pool = dims(channels, rows, columns, size, step, poolRows, poolColumns);
  const pooled = channels * poolRows * poolColumns * 16;
  const unpooled = channels * rows * columns * 16;
  const winners = Uint8Array.from({ length: pooled }, () => random.below(256));

  // Two windows at least downwards, so that the stride shows in the sizes.
  const [windowHeight, windowWidth] = [between(1, 5), between(1, 5)];
  const [planeHeight, planeWidth] = [windowHeight + step + random.below(7), windowWidth + random.below(7)];
  const meanRows = Math.floor((planeHeight - windowHeight) / step) + 1;
  const meanColumns = Math.floor((planeWidth - windowWidth) / step) + 1;
  const averaging = dims(
    channels,
    planeHeight,
    planeWidth,
    windowHeight,
    windowWidth,
    step,
    meanRows,
    meanColumns,
  );
  const means = channels * meanRows * meanColumns * 16;
  const averaged = channels * planeHeight * planeWidth * 16;

  const area = between(1, 30);
  const normal = dims(channels, area);
  const normalised = channels * area * 16;
  const images = between(1, 16);

  const length = 16 * between(1, 6);
  const odd = between(1, 70);
  const [classes, lanes] = [between(1, 40), between(0, 16)];
  const labels = Uint8Array.from({ length: 16 }, () => random.below(classes));
  const pixelChannels = random.below(2) === 0 ? 1 : 3;
  const first = random.below(3);
  const pixels = Uint8Array.from({ length: (first + lanes) * pixelChannels * area }, () => random.below(256));

  return [
    call('packPixels', [f32(3 * area * 16), pixels, first, lanes, f32(256), dims(pixelChannels, 3, area)]),
    ...conv2dCalls(random, operations, false),
    ...conv2dCalls(random, operations, true),
    call('linearForward', [f32(units * 16), f32(inputs * 16), f32(inputs * units), f32(units), linear]),
    call('linearBackwardInput', [f32(inputs * 16), f32(units * 16), f32(inputs * units), linear]),
    call(
      'linearBackwardParameters',
      [f32(inputs * units), f32(units), f32(inputs * 16), f32(units * 16), linear],
      [0, 1],
    ),
    call('maxPool2dForward', [f32(pooled), winners.slice(), f32(unpooled), pool], [0, 1]),
    call('maxPool2dBackward', [f32(unpooled), f32(pooled), winners, pool]),
    call('averagePool2dForward', [f32(means), f32(averaged), averaging]),
    call('averagePool2dBackward', [f32(averaged), f32(means), averaging]),
    call('batchNormStatistics', [f32(2 * channels), f32(normalised), images, normal]),
    call('batchNormForward', [
      f32(normalised),
      f32(normalised),
      f32(channels),
      f32(channels),
      f32(2 * channels),
      normal,
    ]),
    call(
      'batchNormBackwardParameters',
      [
        f32(channels),
        f32(channels),
        f32(2 * channels),
        f32(normalised),
        f32(normalised),
        f32(2 * channels),
        images,
        normal,
      ],
      [0, 1, 2],
    ),
    call('batchNormBackwardInput', [
      f32(normalised),
      f32(normalised),
      f32(normalised),
      f32(channels),
      f32(2 * channels),
      f32(2 * channels),
      images,
      normal,
    ]),
    call('activationForward', [f32(length), f32(length), random.below(4), random.float()]),
    call('activationBackward', [f32(length), f32(length), f32(length), random.below(4), random.float()]),
    call('multiply', [f32(odd), f32(odd), f32(odd)]),
    call('add', [f32(odd), f32(odd)]),
    call('scale', [f32(odd), numbers(1)]),
    call('sumOfSquares', [numbers(1), f32(odd)]),
    call('sgdPlainUpdate', [f32(odd), f32(odd), numbers(4)]),
    call('sgdUpdate', [f32(odd), f32(odd), f32(odd), numbers(4)], [0, 2]),
    call('adamUpdate', [f32(odd), f32(odd), f32(odd), f32(odd), numbers(7)], [0, 2, 3]),
    call('hashLanes', [new Int32Array(17), f32(odd)]),
    call('softmaxForward', [f32(classes * 16), f32(classes * 16), classes]),
    call('crossEntropyForward', [new Float64Array(16), f32(classes * 16), labels, lanes, classes]),
    call('crossEntropyBackward', [f32(classes * 16), f32(classes * 16), labels.slice(), lanes, classes]),
    call('softCrossEntropyForward', [
      new Float64Array(16),
      f32(classes * 16),
      labels.slice(),
      Float64Array.from({ length: classes ** 2 }, () => random.float()),
      lanes,
      classes,
    ]),
    call('softCrossEntropyBackward', [
      f32(classes * 16),
      f32(classes * 16),
      labels.slice(),
      Float64Array.from({ length: classes ** 2 }, () => random.float()),
      lanes,
      classes,
    ]),
    call(
      'augment',
      [
        Uint8Array.from({ length: 2 * 3 * rows * columns }, () => random.below(256)),
        2,
        // Any numbers at all: none may lead out of the image.
        Int32Array.from({ length: 2 * rowLength }, () => random.u32() | 0),
        f32(scratchLength(rows, columns)),
        dims(3, rows, columns, random.below(256)),
      ],
      [0, 3],
    ),
    ...encodingCalls(random),
    ...selectionCalls(random),
  ];
}

/** Of finite values: what is not a number comes out as none, with whatever bits. */
function encodingCalls(random: Random): ValidCall[] {
  return (['f32', 'bf16', 'fp16', 'int8'] as const).flatMap((encoding) => {
    const length = 1 + random.below(600);
    const stream = Int32Array.from({ length: 4 }, () => random.u32() | 0);
    const [x, y] = [values(random, length), values(random, length)];
    const bytes = new Uint8Array(encodedBytes(encoding, length));
    referenceKernels.encode(bytes, x, encoding, stream);
    const number = encodingNumbers[encoding];
    return [
      call('encode', [bytes.map(() => 255), x, number, stream]),
      call('decode', [y, bytes, number, random.below(2)]),
    ];
  });
}

function selectionCalls(random: Random): ValidCall[] {
  const x = values(random, 1 + random.below(600));
  const kept = 1 + random.below(x.length);
  return [call('selectLargest', [new Int32Array(kept).fill(-1), x, kept])];
}

function values(random: Random, length: number): Float32Array {
  return Float32Array.from({ length }, () => random.float() * 2 - 1);
}

/** The same kind of array over memory of somebody's choice. */
export function viewLike(array: TypedArray, buffer: ArrayBufferLike, byteOffset: number): TypedArray {
  if (array instanceof Float32Array) return new Float32Array(buffer, byteOffset, array.length);
  if (array instanceof Float64Array) return new Float64Array(buffer, byteOffset, array.length);
  if (array instanceof Int32Array) return new Int32Array(buffer, byteOffset, array.length);
  return new Uint8Array(buffer, byteOffset, array.length);
}

export const bytesOf = (array: TypedArray): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
