import { describe, expect, test } from 'vitest';
import { createRandom, type Random } from '../../../src/engine/index.js';
import { loadAddon } from '../../../src/engine/kernels/native/load.js';

const loaded = loadAddon();
const sets = 'addon' in loaded ? Object.entries(loaded.addon) : [];

function detached(): Float32Array {
  const array = new Float32Array(16);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

const junk: ((random: Random) => unknown)[] = [
  () => undefined,
  () => null,
  () => 'x',
  () => ({}),
  () => [],
  () => () => 1,
  () => Symbol('s'),
  () => 10n,
  () => Number.NaN,
  () => -1,
  () => 2 ** 53,
  () => 1.5,
  () => Number.POSITIVE_INFINITY,
  () => new DataView(new ArrayBuffer(64)),
  () => new ArrayBuffer(64),
  () => new Float64Array(16),
  () => new BigInt64Array(4),
  () => detached(),
  () => new Float32Array(0),
  (random) => random.below(20),
  (random) => new Float32Array(random.below(4) * 16),
  (random) => new Float32Array(new SharedArrayBuffer(random.below(4) * 64)),
  (random) => new Float32Array(new ArrayBuffer(68), 4, random.below(16)),
  (random) => new Uint8Array(random.below(300)).fill(random.below(256)),
  (random) => new Float64Array(random.below(20)),
  // Dims: small ones that may fit, and some that would wrap around.
  (random) => Int32Array.from({ length: random.below(10) }, () => random.below(4)),
  () => Int32Array.from([1, 4, 4, 1, 3, 1, 1, 4, 4]),
  () => Int32Array.from({ length: 9 }, () => 2 ** 31 - 1),
  () => Int32Array.from({ length: 9 }, () => 1 << 24),
  () => Int32Array.from({ length: 7 }, () => 1 << 24),
  () => Int32Array.from([1 << 24, 1 << 24]),
  () => Int32Array.from({ length: 9 }, () => -(2 ** 31)),
  () => Int32Array.from({ length: 7 }, () => 0),
];

describe.each(sets)('the addon for %s', (_set, operations) => {
  const calls = Object.entries(operations).filter(
    ([name]) => !['multiplyAdds', 'allocate', 'cacheLineOffset'].includes(name),
  );

  test.each(calls)('%s survives any arguments, and raises a TypeError for wrong ones', (name, operation) => {
    const seed = 77;
    const random = createRandom(seed, name.length);
    let refused = 0;
    for (let i = 0; i < 3000; i++) {
      const args = Array.from({ length: random.below(8) }, () => junk[random.below(junk.length)]?.(random));
      try {
        Reflect.apply(operation, undefined, args);
      } catch (error) {
        expect(error, `seed ${seed}, call ${i}`).toBeInstanceOf(TypeError);
        expect(String(error)).toContain(`${name}: expected `);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(2000);
  });

  test('says what it expected and what it found', () => {
    const x = new Float32Array(16);
    expect(() => operations.add(x, new Float32Array(12))).toThrow(
      'add: expected x to have 16 elements, found 12.',
    );
    expect(() => operations.linearForward(x, x, x, x, Int32Array.of(1, 1))).toThrow(
      'linearForward: expected w to have 1 elements, found 16.',
    );
    expect(() => operations.activationForward(x, x, 9, 0)).toThrow(
      'activationForward: expected activation to be a whole number from 0 to 3.',
    );
    const classes = new Uint8Array(16).fill(4);
    expect(() =>
      operations.crossEntropyBackward(new Float32Array(64), new Float32Array(64), classes, 16, 4),
    ).toThrow('crossEntropyBackward: expected every label to be below the number of classes.');
  });

  test('computes on shared memory', () => {
    const shared = new Float32Array(new SharedArrayBuffer(64)).fill(2);
    operations.add(shared, new Float32Array(16).fill(3));
    expect(shared[15]).toBe(5);
  });
});

test('every instruction set has every operation', () => {
  const [first, ...others] = sets.map(([, operations]) => Object.keys(operations));
  for (const other of others) expect(other).toEqual(first);
});
