import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  availableKernels,
  buildModel,
  createPlan,
  initialParameters,
  type Kernels,
  LANES,
  type Model,
  namedSpecs,
  referenceKernels,
} from '../../src/engine/index.js';
import { bytes, classesOf } from './numbers.js';
import { randomModel } from './random-spec.js';
import { watched } from './watched.js';

const scaling = { channels: 1, mean: 0.2, std: 0.4 } as const;
const key = { seed: 5, step: 3, microshard: 1 };
const named = [...namedSpecs.values()].map((spec): [string, Model] => [spec.name, buildModel(spec)]);
const seeds = Array.from({ length: 60 }, (_, i) => 300 + i);
const random = seeds.map((seed): [string, Model] => [`random spec ${seed}`, randomModel(seed)]);

/** One gradient of 19 images: a whole group and a part of one. */
function computeOnce(model: Model, kernels: Kernels): void {
  const { channels, height, width } = model.input;
  const plan = createPlan(model, kernels, { capacity: 32, scaling });
  const batch = {
    pixels: bytes(0, 19 * channels * height * width),
    labels: classesOf(7, 19, model.classes),
    count: 19,
  };
  plan.gradient(initialParameters(model, 1), batch, key, new Float32Array(model.parameterCount));
}

describe('the memory of a plan', () => {
  test.each([...named, ...random])('%s: at most twice what a step needs', (_, model) => {
    let allocated = 0;
    const counting = watched(referenceKernels, (operation, [array], when) => {
      if (operation === 'allocate' && when === 'after' && array instanceof Float32Array) {
        allocated += array.byteLength;
      }
    });
    const { memory } = createPlan(model, counting, { capacity: 64, scaling });
    expect(memory.totalBytes).toBeLessThanOrEqual(2 * memory.neededBytes);
    expect(memory.totalBytes).toBeGreaterThanOrEqual(memory.neededBytes);
    expect(memory.totalBytes).toBe(memory.arenaBytes + memory.scratchBytes);
    const argmaxBytes = model.layers.reduce((sum, { spec, output: { channels, height, width } }) => {
      return sum + (spec.type === 'maxpool2d' ? channels * height * width * LANES : 0);
    }, 0);
    expect(allocated + argmaxBytes).toBe(memory.totalBytes);
  });

  test('is that of sixteen images, whatever the capacity', () => {
    const [[, lenet] = []] = named;
    if (lenet === undefined) throw new Error('Expected a named spec.');
    const [small, large] = [16, 1024].map(
      (capacity) => createPlan(lenet, referenceKernels, { capacity, scaling }).memory,
    );
    expect(large).toEqual(small);
  });

  test('of lenet, as counted by hand', () => {
    const lenet = buildModel({ ...Object(namedSpecs.get('lenet')) });
    const { memory } = createPlan(lenet, referenceKernels, { capacity: 16, scaling });
    const single = 4 * LANES;
    // On grey bytes the first convolution reads one channel, and keeps the sum of its weights and their gradient.
    const grey = 6 * 5 * 5;
    const [image, conv1, pool1, conv2, pool2] = [32 * 32, 6 * 28 * 28, 6 * 14 * 14, 16 * 10 * 10, 400];
    const linears = 120 + 84 + 10;
    expect(memory.activationBytes).toBe(
      single * (image + conv1 + pool1 + conv2 + pool2 + linears + /* probabilities */ 10),
    );
    expect(memory.gradientBytes).toBe(single * (conv1 + pool1 + conv2 + pool2 + linears));
    expect(memory.scratchBytes).toBe(LANES * (pool1 + pool2) + 4 * 2 * grey);
    // ReLU comes after the pooling, so nobody reads a convolution's output again. The fullest moments are the first pooling's, forward and
    // backward: the image, and the larger and the smaller side of the pooling, or their gradients.
    expect(memory.neededBytes).toBe(single * (image + conv1 + pool1) + memory.scratchBytes);
  });
});

/** How many of an operation's first arguments it writes. */
const written: Partial<Record<string, number>> = {
  maxPool2dForward: 2,
  conv2dBackwardParameters: 2,
  batchNormBackwardParameters: 3,
};

/** Those that may be given one buffer as input and output. */
const elementwise = new Set(['activationForward', 'activationBackward', 'multiply', 'add']);

function overlap(a: Float32Array, b: Float32Array): boolean {
  return a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}

/** What lies at a place of the arena, as last written by an operation; and operations that write where they read. */
function watchArena(): { kernels: Kernels; reads: () => number; broken: string[] } {
  let arena: ArrayBufferLike | null = null;
  let reads = 0;
  const broken: string[] = [];
  const contents = new Map<string, Float32Array>();
  const inArena = (array: unknown): array is Float32Array =>
    array instanceof Float32Array && array.buffer === arena;
  const kernels = watched(referenceKernels, (operation, args, when) => {
    if (operation === 'allocate') {
      // The plan allocates its arena first.
      if (when === 'after' && args[0] instanceof Float32Array) arena ??= args[0].buffer;
      return;
    }
    const [output] = args;
    args.forEach((array, i) => {
      if (!inArena(array)) return;
      if (i > 0 && inArena(output) && overlap(array, output)) {
        const same = array.byteOffset === output.byteOffset && array.length === output.length;
        if (!same || !elementwise.has(operation)) broken.push(`${operation} writes over its argument ${i}`);
      }
      const place = `${array.byteOffset}+${array.byteLength}`;
      const isOutput = i < (written[operation] ?? 1);
      if (when === 'after' && isOutput) contents.set(place, array.slice());
      if (when === 'before' && !isOutput) {
        reads++;
        const expected = contents.get(place);
        const intact = expected?.every((value, at) => Object.is(value, array[at])) ?? false;
        if (!intact) broken.push(`argument ${i} of ${operation}, at ${place}`);
      }
    });
  });
  return { kernels, reads: () => reads, broken };
}

test.each([...named.slice(0, 1), ...random])(
  '%s: nothing in the arena is overwritten before its last reader',
  (_, model) => {
    const { kernels, reads, broken } = watchArena();
    computeOnce(model, kernels);
    expect(broken).toEqual([]);
    expect(reads()).toBeGreaterThan(4);
  },
);

describe('a training step leaves nothing behind', () => {
  const child = fileURLToPath(new URL('./steps-in-a-row.mjs', import.meta.url));

  test.each([...availableKernels.keys()])('%s: 10,000 steps', async (name) => {
    // The flags of this process decide which kernels there are.
    const args = [...process.execArgv, '--expose-gc', child, name, '10000'];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const { heapUsed, external, arrayBuffers } = JSON.parse(stdout);
    // The least that a step could leave, a tally of 400 bytes, would come to 4,000,000; compiled code comes and goes, half a million.
    expect(arrayBuffers).toBeLessThan(100_000);
    expect(external).toBeLessThan(100_000);
    expect(heapUsed).toBeLessThan(1_500_000);
  });
});
