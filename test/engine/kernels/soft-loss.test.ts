import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { availableKernels, balancedWeights, type LossSpec, lossTargets } from '../../../src/engine/index.js';
import { naiveCrossEntropy } from '../naive.js';
import { classesOf, relativeError, sameBits, uniform } from '../numbers.js';

interface Golden {
  /** [16][10] */
  logits: number[][];
  labels: number[];
  cases: { loss: LossSpec; losses: number[]; gradient: number[][] }[];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL('../../fixtures/engine/loss-golden.json', import.meta.url), 'utf8'),
);
const classes = 10;
/** [16][classes] → [classes,16] */
const toLanes = (rows: number[][]): Float32Array =>
  Float32Array.from({ length: classes * 16 }, (_, i) => rows[i % 16]?.[Math.floor(i / 16)] ?? Number.NaN);

describe.each([...availableKernels.values()])('the loss with targets on $name', (kernels) => {
  test.each(golden.cases)('$loss is what PyTorch gives', ({ loss, losses, gradient }) => {
    const x = toLanes(golden.logits);
    const labels = Uint8Array.from(golden.labels);
    const targets = lossTargets(classes, loss);
    const found = new Float64Array(16);
    const [y, dx] = [new Float32Array(x.length), new Float32Array(x.length)];
    kernels.softmaxForward(y, x, classes);
    kernels.softCrossEntropyForward(found, x, labels, targets, 16, classes);
    kernels.softCrossEntropyBackward(dx, y, labels, targets, 16, classes);
    expect(relativeError(found, losses)).toBeLessThan(1e-14);
    expect(relativeError(dx, toLanes(gradient))).toBeLessThan(2e-7);
  });

  test.each([2, 3, 17, 256])('backward is the slope of forward, with %i classes', (count) => {
    const x = uniform(0, count * 16, 4);
    const labels = classesOf(5, 16, count);
    const classWeights = [...uniform(77, count)].map((v) => v + 1.5);
    const targets = lossTargets(count, { labelSmoothing: 0.2, classWeights });
    const losses = new Float64Array(16);
    const [y, dx] = [new Float32Array(x.length), new Float32Array(x.length)];
    kernels.softmaxForward(y, x, count);
    kernels.softCrossEntropyForward(losses, x, labels, targets, 16, count);
    kernels.softCrossEntropyBackward(dx, y, labels, targets, 16, count);
    const h = 1e-5;
    const slopes = new Float64Array(x.length);
    for (let lane = 0; lane < 16; lane++) {
      const logits = Float64Array.from({ length: count }, (_, k) => x[k * 16 + lane]);
      const naive = (): number =>
        logits.reduce(
          (sum, _, k) => sum + targets[labels[lane] * count + k] * naiveCrossEntropy(logits, k),
          0,
        );
      expect(losses[lane] / naive()).toBeCloseTo(1, 10);
      for (let k = 0; k < Math.min(count, 20); k++) {
        const kept = logits[k];
        logits[k] = kept + h;
        const above = naive();
        logits[k] = kept - h;
        slopes[k * 16 + lane] = (above - naive()) / (2 * h);
        logits[k] = kept;
      }
    }
    expect(relativeError(dx.subarray(0, 20 * 16), slopes.subarray(0, 20 * 16))).toBeLessThan(1e-6);
  });

  test('without smoothing and weights it is the plain one, to the last bit', () => {
    const x = uniform(3, classes * 16, 9);
    const labels = classesOf(9, 16, classes);
    const plain = { losses: new Float64Array(16), dx: new Float32Array(x.length) };
    const soft = { losses: new Float64Array(16), dx: new Float32Array(x.length) };
    const y = new Float32Array(x.length);
    const targets = lossTargets(classes, {});
    kernels.softmaxForward(y, x, classes);
    kernels.crossEntropyForward(plain.losses, x, labels, 11, classes);
    kernels.crossEntropyBackward(plain.dx, y, labels, 11, classes);
    kernels.softCrossEntropyForward(soft.losses, x, labels, targets, 11, classes);
    kernels.softCrossEntropyBackward(soft.dx, y, labels, targets, 11, classes);
    expect(soft.losses).toEqual(plain.losses);
    expect(sameBits(soft.dx, plain.dx)).toBe(true);
    expect([...soft.losses.subarray(11)]).toEqual([0, 0, 0, 0, 0]);
  });
});

test('balanced weights make every class count the same', () => {
  const labels = [0, 0, 0, 0, 1, 1, 3, 3, 3, 3];
  const weights = balancedWeights(labels, 4);
  expect(weights).toEqual([10 / 16, 10 / 8, 1, 10 / 16]);
  const [zero = 0, one = 0, , three = 0] = weights;
  expect(4 * zero).toBe(2 * one);
  expect(4 * three).toBe(4 * zero);
});

test.each([
  [{ labelSmoothing: 1 }, 'labelSmoothing'],
  [{ classWeights: [1, 2] }, 'Expected 10 class weights, one per class, found 2'],
  [{ classWeights: Array.from({ length: 10 }, () => 0) }, 'classWeights'],
  [{ smoothing: 0.1 }, 'not valid'],
])('refuses %j', (loss, message) => {
  expect(() => lossTargets(10, loss)).toThrow(message);
});
