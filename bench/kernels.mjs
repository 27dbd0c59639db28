// The multiply-adds a core can do, and what single kernels make of them.
import { loadAddon } from '../dist/engine/kernels/native/load.js';
import { median, processorSeconds, table } from './measure.mjs';

const convolutions = [
  ['lenet conv 1, 3×32×32 → 6, 5×5', [3, 32, 32, 6, 5, 1, 0]],
  ['lenet conv 2, 6×14×14 → 16, 5×5', [6, 14, 14, 16, 5, 1, 0]],
  ['vgg conv 2, 32×32×32 → 32, 3×3 pad 1', [32, 32, 32, 32, 3, 1, 1]],
  ['vgg conv 3, 32×16×16 → 64, 3×3 pad 1', [32, 16, 16, 64, 3, 1, 1]],
  ['vgg conv 4, 64×16×16 → 64, 3×3 pad 1', [64, 16, 16, 64, 3, 1, 1]],
  ['16×16×16 → 32, 3×3 stride 2 pad 1', [16, 16, 16, 32, 3, 2, 1]],
  ['16×16×16 → 32, 1×1', [16, 16, 16, 32, 1, 1, 0]],
  ['8×16×16 → 16, 7×7 pad 3', [8, 16, 16, 16, 7, 1, 3]],
];
const linears = [
  ['lenet linear 400 → 120', [400, 120]],
  ['vgg linear 4096 → 256', [4096, 256]],
];

/** GFLOP/s: the third best of many short measurements. What disturbs one makes it slower; the clock errs both ways. */
function rate(flop, work) {
  work();
  const calls = Math.max(1, Math.round(2e8 / flop));
  const seconds = [];
  for (let i = 0; i < 15; i++) {
    const start = processorSeconds();
    for (let k = 0; k < calls; k++) work();
    seconds.push((processorSeconds() - start) / calls);
  }
  return flop / seconds.toSorted((a, b) => a - b)[2] / 1e9;
}

/** Taps along one axis that are on the image, over all outputs. */
function tapsSeen(extent, outputs, kernel, stride, padding) {
  let seen = 0;
  for (let o = 0; o < outputs; o++) {
    for (let k = 0; k < kernel; k++) {
      const i = o * stride + k - padding;
      if (i >= 0 && i < extent) seen++;
    }
  }
  return seen;
}

const random = (operations, length) => operations.allocate(length).map(() => Math.random() * 2 - 1);
function aligned(operations, length) {
  const array = operations.allocate(length);
  array.set(random(operations, length));
  return array;
}

function convolution(operations, [channels, height, width, filters, kernel, stride, padding]) {
  const outHeight = Math.floor((height + 2 * padding - kernel) / stride) + 1;
  const outWidth = Math.floor((width + 2 * padding - kernel) / stride) + 1;
  const dims = Int32Array.of(channels, height, width, filters, kernel, stride, padding, outHeight, outWidth);
  const [x, dx] = [0, 1].map(() => aligned(operations, channels * height * width * 16));
  const [y, dy] = [0, 1].map(() => aligned(operations, filters * outHeight * outWidth * 16));
  const [w, dw] = [0, 1].map(() => aligned(operations, filters * channels * kernel * kernel));
  const [b, db] = [0, 1].map(() => aligned(operations, filters));
  const workspace = operations.allocate(operations.conv2dWorkspace(dims));
  const taps =
    tapsSeen(height, outHeight, kernel, stride, padding) * tapsSeen(width, outWidth, kernel, stride, padding);
  const flop = 2 * 16 * channels * filters * taps;
  return [
    rate(flop, () => operations.conv2dForward(y, x, w, b, dims, workspace)),
    rate(flop, () => operations.conv2dBackwardInput(dx, dy, w, dims, workspace)),
    rate(flop, () => operations.conv2dBackwardParameters(dw, db, x, dy, dims, workspace)),
  ];
}

function linear(operations, [inputs, units]) {
  const dims = Int32Array.of(inputs, units);
  const [x, dx] = [0, 1].map(() => aligned(operations, inputs * 16));
  const [y, dy] = [0, 1].map(() => aligned(operations, units * 16));
  const [w, dw] = [0, 1].map(() => aligned(operations, inputs * units));
  const [b, db] = [0, 1].map(() => aligned(operations, units));
  const flop = 2 * 16 * inputs * units;
  return [
    rate(flop, () => operations.linearForward(y, x, w, b, dims)),
    rate(flop, () => operations.linearBackwardInput(dx, dy, w, dims)),
    rate(flop, () => operations.linearBackwardParameters(dw, db, x, dy, dims)),
  ];
}

/** Prints a table per instruction set; returns the numbers. */
export function benchKernels() {
  const loaded = loadAddon();
  if (!('addon' in loaded)) {
    console.log(`No table of kernels: ${loaded.missing}.`);
    return {};
  }
  const results = {};
  for (const [set, operations] of Object.entries(loaded.addon)) {
    const turns = 200_000;
    const adds = operations.multiplyAdds(turns);
    const peaks = Array.from({ length: 9 }, () => rate(2 * adds, () => operations.multiplyAdds(turns)));
    const peak = median(peaks);
    const rows = [
      ...convolutions.map(([name, sizes]) => [name, convolution(operations, sizes)]),
      ...linears.map(([name, sizes]) => [name, linear(operations, sizes)]),
    ];
    results[set] = { peak, kernels: Object.fromEntries(rows) };
    const cell = (value) => `${value.toFixed(0)} (${((100 * value) / peak).toFixed(0)} %)`;
    console.log(`\n${set}: ${peak.toFixed(0)} GFLOP/s are this core's peak of multiply-adds; of them`);
    console.log('(a convolution counts the multiply-adds of the direct one: Winograd does with fewer)');
    console.log(
      table([
        ['', 'forward', 'for the input', 'for the parameters'],
        ...rows.map(([name, rates]) => [name, ...rates.map(cell)]),
      ]),
    );
  }
  return results;
}
