import { describe, expect, test } from 'vitest';
import { buildModel, createPlan, createRandom, namedSpecs } from '../../../src/engine/index.js';
import { loadAddon } from '../../../src/engine/kernels/native/load.js';
import { nativeKernels } from '../../../src/engine/kernels/native/native.js';
import {
  bytesOf,
  isArray,
  ofAnyLength,
  type TypedArray,
  type ValidCall,
  validCalls,
  viewLike,
} from './native-arguments.js';

const loaded = loadAddon();
const sets = 'addon' in loaded ? Object.entries(loaded.addon) : [];
const seeds = [1, 2, 3, 4, 5, 6, 7, 8];

const replaced = (args: readonly unknown[], i: number, value: unknown): unknown[] => args.with(i, value);

/** Buffers whose views can lose their memory: the standard's, not yet in our TypeScript's library. */
function resizable(length: number): ArrayBuffer & { resize(length: number): void } {
  return Reflect.construct(ArrayBuffer, [length, { maxByteLength: 2 * length }]);
}

/** Arrays that a call must not take in place of `good`. `isFree`: but for the type, it takes any. */
function wrongArrays(good: TypedArray, isFree: boolean): [string, unknown][] {
  const copyOf = (): TypedArray => good.slice();
  const detached = copyOf();
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  const shrunk = resizable(good.byteLength);
  const outOfBounds = viewLike(good, shrunk, 0);
  shrunk.resize(Math.max(0, good.byteLength - 1));
  const wrong: [string, unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['a number', good.length],
    ['its own length in an object', { length: good.length, buffer: good.buffer, byteOffset: 0 }],
    ['a plain array', [...good]],
    ['its buffer', good.buffer],
    ['a DataView', new DataView(good.buffer)],
    ['a proxy', new Proxy(copyOf(), {})],
    ['half-precision bits', new Uint16Array(good.length)],
    ['signed bytes', new Int8Array(good.length)],
    ['clamped bytes', new Uint8ClampedArray(good.length)],
    ['long numbers', new BigInt64Array(good.length)],
    [
      'another kind of array',
      good instanceof Float32Array ? new Int32Array(good.length) : new Float32Array(good.length),
    ],
  ];
  // Pixels may be more than are needed; of a single array, an element-wise operation takes the length.
  if (good instanceof Int32Array) wrong.push(['one element more', Int32Array.of(...good, 1)]);
  // A workspace of no length is as good as one that lost it.
  if (good.length > 0 && !isFree) {
    wrong.push(
      ['a detached array', detached],
      ['an array that lost its memory', outOfBounds],
      ['one element less', good.slice(1)],
      ['none', good.slice(0, 0)],
    );
  }
  return wrong;
}

const wrongNumbers = [
  undefined,
  null,
  '1',
  {},
  10n,
  Symbol('s'),
  Number.NaN,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  Number.POSITIVE_INFINITY,
];
const wrongSizes = [-(2 ** 31), -1, 2 ** 24, 2 ** 24 + 1, 2 ** 30, 2 ** 31 - 1];

function written(call: ValidCall, args: readonly unknown[]): Uint8Array[] {
  return call.outputs.map((i) => {
    const output = args[i];
    if (!isArray(output)) throw new Error('Expected an array.');
    return bytesOf(output).slice();
  });
}

describe.each(sets)('the addon for %s', (_set, operations) => {
  const invoke = ({ operation }: ValidCall, args: readonly unknown[]): void => {
    Reflect.apply(operations[operation], undefined, args);
  };
  test.each(validCalls(11, operations).map((call): [string, ValidCall] => [call.operation, call]))(
    '%s refuses every wrong argument, and writes nothing',
    (name, call) => {
      const now = (): Buffer => Buffer.concat(written(call, call.args));
      const before = now();
      const refused = (args: readonly unknown[], what: string): void => {
        expect(() => invoke(call, args), what).toThrow(TypeError);
        expect(() => invoke(call, args), what).toThrow(`${name}: expected `);
      };
      for (const [i, good] of call.args.entries()) {
        // The slope of an activation may be any number at all.
        const isSlope = name.startsWith('activation') && i === call.args.length - 1;
        const wrong: [string, unknown][] = isArray(good)
          ? wrongArrays(good, ofAnyLength.get(name) === i)
          : isSlope
            ? wrongNumbers.filter((value) => typeof value !== 'number').map((value) => ['no number', value])
            : wrongNumbers.map((value) => ['no such number', value]);
        for (const [what, value] of wrong) refused(replaced(call.args, i, value), `argument ${i}: ${what}`);
        // Dims come last; rows of numbers that may be anything do not, but for what `encode` draws by.
        if (!(good instanceof Int32Array) || i !== call.args.length - 1 || name === 'encode') continue;
        for (const at of good.keys()) {
          for (const size of wrongSizes)
            refused(call.args.with(i, good.with(at, size)), `size ${at}: ${size}`);
        }
        for (const size of wrongSizes)
          refused(
            call.args.with(
              i,
              good.map(() => size),
            ),
            `all sizes ${size}`,
          );
        refused(
          call.args.with(
            i,
            good.map(() => 0),
          ),
          'sizes of nothing',
        );
      }
      refused([], 'no arguments');
      expect(now().equals(before)).toBe(true);
      // And the arguments were good.
      invoke(call, call.args);
      expect(now().equals(before)).toBe(false);
    },
  );

  test.each(seeds)('writes its outputs and nothing around them, wherever they lie (seed %i)', (seed) => {
    const twins = validCalls(seed, operations);
    for (const [index, call] of validCalls(seed, operations).entries()) {
      const twin = twins[index];
      const random = createRandom(seed, index);
      const inGuards = call.args.map((arg) => {
        if (!isArray(arg)) return arg;
        const guard = 8 * (1 + random.below(40));
        const buffer = random.below(2) === 0 ? ArrayBuffer : SharedArrayBuffer;
        const view = viewLike(arg, new buffer(arg.byteLength + 2 * guard + 8 * random.below(3)), guard);
        new Uint8Array(view.buffer).fill(0xa5);
        bytesOf(view).set(bytesOf(arg));
        return view;
      });
      invoke(twin, twin.args);
      invoke(call, inGuards);
      const [found, expected] = [written(call, inGuards), written(twin, twin.args)].map((outputs) =>
        Buffer.concat(outputs),
      );
      expect(expected !== undefined && found?.equals(expected), call.operation).toBe(true);
      for (const [i, arg] of inGuards.entries()) {
        if (!isArray(arg)) continue;
        const memory = new Uint8Array(arg.buffer);
        const around = [memory.subarray(0, arg.byteOffset), memory.subarray(arg.byteOffset + arg.byteLength)];
        expect(
          around.every((guard) => guard.every((byte) => byte === 0xa5)),
          `${call.operation}, around argument ${i}`,
        ).toBe(true);
        const original = call.args[i];
        if (!call.outputs.includes(i) && isArray(original)) {
          // Not by `toEqual`, which takes most of a minute for all of them.
          const isAsBefore = Buffer.compare(bytesOf(arg), bytesOf(original)) === 0;
          expect(isAsBefore, `${call.operation}, argument ${i}`).toBe(true);
        }
      }
    }
  });

  test.each(seeds)(
    'takes arrays that overlap, and still writes nothing but its outputs (seed %i)',
    (seed) => {
      const random = createRandom(seed, 5);
      for (const call of validCalls(seed, operations)) {
        for (let attempt = 0; attempt < 12; attempt++) {
          const longest = Math.max(...call.args.map((arg) => (isArray(arg) ? arg.byteLength : 0)));
          const buffer = new ArrayBuffer(longest + 512);
          const memory = new Uint8Array(buffer);
          for (let at = 0; at < 256; at++) memory[at] = (at * 167 + attempt) & 255;
          for (let size = 256; size < memory.length; size *= 2) memory.copyWithin(size, 0, size);
          const args = call.args.map((arg) => {
            if (!isArray(arg) || arg instanceof Int32Array) return arg;
            return viewLike(arg, buffer, 8 * random.below(Math.floor((longest + 512 - arg.byteLength) / 8)));
          });
          const labels = /crossEntropy/i.test(call.operation) ? args[2] : undefined;
          if (isArray(labels)) bytesOf(labels).fill(0);
          const expected = memory.slice();
          invoke(call, args);
          for (const i of call.outputs) {
            const output = args[i];
            if (!isArray(output)) continue;
            const end = output.byteOffset + output.byteLength;
            expected.set(memory.subarray(output.byteOffset, end), output.byteOffset);
          }
          expect(Buffer.compare(memory, expected), `${call.operation}, attempt ${attempt}`).toBe(0);
        }
      }
    },
  );

  test('reads a label once, though a loss is written over it', () => {
    // A loss whose bytes are no class would send the next lane's read far outside.
    const classes = 2;
    const losses = new Float64Array(16);
    const over = new Uint8Array(losses.buffer, 0, 16);
    const x = Float32Array.from({ length: classes * 16 }, (_, i) => (i % 5) / 3);
    const labels = over.slice().fill(1);
    const apart = new Float64Array(16);
    operations.crossEntropyForward(apart, x, labels, 16, classes);
    over.fill(1);
    operations.crossEntropyForward(losses, x, over, 16, classes);
    expect(losses).toEqual(apart);
  });

  test('packPixels reads no sample past the last', () => {
    const x = new Float32Array(4 * 16);
    const table = new Float32Array(256);
    const pixels = new Uint8Array(5 * 4);
    const dims = Int32Array.of(1, 1, 4);
    operations.packPixels(x, pixels, 2, 3, table, dims);
    for (const [first, lanes] of [
      [3, 3],
      [5, 1],
      [2 ** 31, 1],
      [2 ** 32, 16],
    ] as const) {
      expect(() => operations.packPixels(x, pixels, first, lanes, table, dims)).toThrow(
        /expected pixels to have at least \d+ elements, found 20/,
      );
    }
  });

  test('allocate gives zeros that begin on a cache line, and refuses what is no length', () => {
    for (let length = 1; length < 400; length += 7) {
      const array = operations.allocate(length);
      expect(operations.cacheLineOffset(array)).toBe(0);
      expect(array).toEqual(new Float32Array(length));
    }
    const array = operations.allocate(64);
    // What the offset is measured by can tell.
    expect([1, 15, 16, 17].map((i) => operations.cacheLineOffset(array.subarray(i)))).toEqual([4, 60, 0, 4]);
    for (const length of wrongNumbers) {
      expect(() => Reflect.apply(operations['allocate'], operations, [length])).toThrow(TypeError);
      if (typeof length === 'number' && length === 2 ** 31) continue;
      expect(() => Reflect.apply(operations['multiplyAdds'], operations, [length])).toThrow(TypeError);
    }
  });

  test('every buffer of a plan begins on a cache line', () => {
    const kernels = nativeKernels(_set, operations);
    const model = buildModel({ ...Object(namedSpecs.get('lenet')) });
    const offsets: number[] = [];
    const look: typeof kernels = new Proxy(kernels, {
      get(target, name: keyof typeof kernels) {
        if (name === 'forPlan') return () => look;
        const operation = target[name];
        if (typeof operation !== 'function' || name === 'allocate') return operation;
        return (...args: unknown[]): unknown => {
          // The first is the output, which in a forward pass is a buffer of the plan.
          if (args[0] instanceof Float32Array) offsets.push(operations.cacheLineOffset(args[0]));
          return Reflect.apply(operation, target, args);
        };
      },
    });
    const plan = createPlan(model, look, { capacity: 16, scaling: { channels: 1, mean: 0, std: 1 } });
    const parameters = new Float32Array(model.parameterCount);
    plan.predict(parameters, new Uint8Array(1024), 1, new Float32Array(10));
    expect(offsets.length).toBeGreaterThan(10);
    expect(offsets.every((offset) => offset === 0)).toBe(true);
  });
});
