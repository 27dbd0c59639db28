import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  availableKernels,
  buildModel,
  createPlan,
  createRandom,
  initialParameters,
  type Kernels,
  namedSpecs,
  resolveKernels,
} from '../../../src/engine/index.js';
import { bytes, classesOf, sameBits, uniform } from '../numbers.js';

const wasm = [...availableKernels.values()].filter(({ name }) => name.startsWith('wasm-'));

test('both variants run here, the relaxed one with the native bits or the plain ones', () => {
  // The flags of vitest.config.ts switch relaxed SIMD on where the runtime hides it.
  expect(wasm.map(({ name }) => name)).toEqual(['wasm-relaxed', 'wasm-plain']);
  const [relaxed, plain] = wasm;
  expect(plain?.numericsId).toBe('wasm-f32-2');
  expect(['native-f32-2', 'wasm-f32-2']).toContain(relaxed?.numericsId);
  expect(resolveKernels('wasm').kernels).toBe(relaxed);
});

test('the modules in the repository are what their source gives', () => {
  const script = fileURLToPath(new URL('../../../native/build-wasm.mjs', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toContain('kernels-plain.wasm: built from this source');
  expect(stdout).toContain('kernels-relaxed.wasm: built from this source');
  expect(status).toBe(0);
});

function stepOfLenet(kernels: Kernels): { gradient: Float32Array; probabilities: Float32Array } {
  const spec = namedSpecs.get('lenet');
  if (spec === undefined) throw new Error('Expected a spec named lenet.');
  const model = buildModel(spec);
  const plan = createPlan(model, kernels, { capacity: 16, scaling: { channels: 1, mean: 0.5, std: 0.25 } });
  const parameters = initialParameters(model, 3);
  const gradient = new Float32Array(model.parameterCount);
  const probabilities = new Float32Array(160);
  const batch = { pixels: bytes(0, 16 * 1024), labels: classesOf(0, 16, 10), count: 16 };
  plan.gradient(parameters, batch, { seed: 1, step: 0, microshard: 0 }, gradient);
  plan.predict(parameters, batch.pixels, 16, probabilities);
  return { gradient, probabilities };
}

describe.each(wasm)('kernels $name', (kernels) => {
  test('arrays of its own memory and of others give the same bits', () => {
    const own = kernels.forPlan();
    const place = (values: Float32Array): Float32Array => {
      const array = own.allocate(values.length);
      array.set(values);
      return array;
    };
    const dims = { inputs: 37, units: 11 };
    const [x, w, b] = [uniform(0, 37 * 16), uniform(900, 37 * 11), uniform(1900, 11)];
    const inside = own.allocate(11 * 16);
    own.linearForward(inside, place(x), place(w), place(b), dims);
    const outside = new Float32Array(11 * 16);
    kernels.linearForward(outside, x, w, b, dims);
    const shared = new Float32Array(new SharedArrayBuffer(outside.byteLength));
    own.linearForward(shared, x, place(w), b, dims);
    expect(sameBits(inside, outside)).toBe(true);
    expect(sameBits(shared, outside)).toBe(true);
  });

  test('what was allocated stays where it is when the memory grows', () => {
    const own = kernels.forPlan();
    const first = own.allocate(1000).fill(7);
    const large = own.allocate(4_000_000).fill(2);
    own.add(first, first.slice());
    own.add(first, large.subarray(5, 1005));
    expect(first.every((v) => v === 16)).toBe(true);
    expect(large.every((v) => v === 2)).toBe(true);
    expect(first.byteOffset % 64).toBe(0);
    expect(large.byteOffset % 64).toBe(0);
  });

  test('copies of a call leave nothing behind: thousands of large ones fit', () => {
    const [y, x] = [new Float32Array(1_000_000), new Float32Array(1_000_000).fill(1)];
    for (let i = 0; i < 300; i++) kernels.add(y, x);
    expect(y[999_999]).toBe(300);
  });

  test('asks for no more memory than there is, and works on after it could not have it', () => {
    const own = kernels.forPlan();
    expect(() => own.allocate(2 ** 28)).toThrow(RangeError);
    const sum = new Float32Array(3).fill(1);
    own.add(sum, sum.slice());
    expect([...sum]).toEqual([2, 2, 2]);
  });

  test('plans do not disturb one another', () => {
    const alone = stepOfLenet(kernels);
    const plans = Array.from({ length: 3 }, () => stepOfLenet(kernels));
    for (const { gradient, probabilities } of plans) {
      expect(sameBits(gradient, alone.gradient)).toBe(true);
      expect(sameBits(probabilities, alone.probabilities)).toBe(true);
    }
  });

  test('wrong lengths and numbers are refused, and nothing is touched', () => {
    const seed = 41;
    const random = createRandom(seed);
    const lengths = [0, 1, 15, 16, 32, 48, 256];
    const array = (): Float32Array => new Float32Array(lengths[random.below(lengths.length)] ?? 0).fill(5);
    const wide = { channels: 1, height: 4, width: 4, filters: 1, kernel: 3, stride: 1, padding: 0 };
    let refused = 0;
    for (let i = 0; i < 2000; i++) {
      const [y, a, b] = [array(), array(), array()];
      const dims = { ...wide, outHeight: random.below(4), outWidth: random.below(4) };
      const calls = [
        () => kernels.add(y, a),
        () => kernels.multiply(y, a, b),
        () => kernels.linearForward(y, a, b, array(), { inputs: random.below(4), units: random.below(4) }),
        () => kernels.conv2dForward(y, a, b, array(), dims, array()),
        () => kernels.activationForward(y, a, { type: 'relu' }),
        () => kernels.softmaxForward(y, a, random.below(20) - 2),
        () => kernels.crossEntropyForward(new Float64Array(16), a, new Uint8Array(16).fill(9), 16, 3),
        () => kernels.packPixels(y, new Uint8Array(40), 3, 17, a, { pixelChannels: 1, channels: 1, area: 4 }),
      ];
      const before = y.slice();
      try {
        calls[random.below(calls.length)]?.();
      } catch (error) {
        expect(error, `seed ${seed}, call ${i}`).toBeInstanceOf(TypeError);
        expect(sameBits(y, before)).toBe(true);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });
});

test('where no addon can be loaded, WebAssembly runs and it is said why', () => {
  const engine = new URL('../../../dist/engine/', import.meta.url);
  // A platform that nothing was built for.
  const program = `
    import os from 'node:os';
    import { syncBuiltinESMExports } from 'node:module';
    os.arch = () => 'riscv64';
    syncBuiltinESMExports();
    const { resolveKernels } = await import(${JSON.stringify(new URL('index.js', engine).href)});
    const { kernels, reason } = resolveKernels();
    console.log(kernels.name + ': ' + reason);
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^wasm-(relaxed|plain): the native kernels are not built for \w+-riscv64\n$/);
});
