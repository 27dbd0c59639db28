import { describe, expect, test } from 'vitest';
import {
  buildModel,
  createRandom,
  decodeSafetensors,
  encodeSafetensors,
  float32Of,
  float64Of,
  initialParameters,
  loadStateDict,
  type NamedTensor,
  namedSpecs,
  SafetensorsError,
  StateDictError,
  stateDict,
  tensorOf,
} from '../../src/engine/index.js';
import { mutate } from './mutate.js';

const bytesTensor = (name: string, values: number[]): NamedTensor => ({
  name,
  dtype: 'U8',
  shape: [values.length],
  data: Uint8Array.from(values),
});

const some: NamedTensor[] = [
  bytesTensor('labels', [3, 1, 4]),
  tensorOf('w', [2, 2], new Float32Array([1, -2, 0.5, Number.NaN])),
  tensorOf('a "quoted" নাম', [], new Float64Array([Math.PI])),
  tensorOf('none', [0, 5], new Float32Array(0)),
  { name: 'counts', dtype: 'U32', shape: [1], data: Uint8Array.from([1, 0, 0, 0]) },
];

/** A file of our own making: header as given, then data. */
function fileOf(header: unknown, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

function faultOf(bytes: Uint8Array): { fault: string; message: string } {
  try {
    decodeSafetensors(bytes);
  } catch (error) {
    if (error instanceof SafetensorsError) return { fault: error.fault, message: error.message };
    throw error;
  }
  return { fault: 'none', message: '' };
}

describe('safetensors', () => {
  test('what goes in comes out', () => {
    const { tensors, metadata } = decodeSafetensors(encodeSafetensors(some, { spec: '{"a":1}', ключ: 'ж' }));
    expect(metadata).toEqual({ spec: '{"a":1}', ключ: 'ж' });
    expect([...tensors.keys()].toSorted()).toEqual(some.map(({ name }) => name).toSorted());
    for (const tensor of some) expect(tensors.get(tensor.name)).toEqual(tensor);
    expect(float64Of(tensors.get('a "quoted" নাম') ?? some[0])).toEqual(new Float64Array([Math.PI]));
  });

  test('equal content gives equal bytes, in whatever order it comes', () => {
    const bytes = encodeSafetensors(some, { a: '1', b: '2' });
    expect(encodeSafetensors(some.toReversed(), { b: '2', a: '1' })).toEqual(bytes);
  });

  test('the layout is the published one, and every tensor starts on a multiple of its width', () => {
    const bytes = encodeSafetensors(some, { z: '' });
    const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(headerBytes % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)));
    expect(header).toEqual({
      __metadata__: { z: '' },
      'a "quoted" নাম': { dtype: 'F64', shape: [], data_offsets: [0, 8] },
      counts: { dtype: 'U32', shape: [1], data_offsets: [8, 12] },
      none: { dtype: 'F32', shape: [0, 5], data_offsets: [12, 12] },
      w: { dtype: 'F32', shape: [2, 2], data_offsets: [12, 28] },
      labels: { dtype: 'U8', shape: [3], data_offsets: [28, 31] },
    });
    expect(bytes.length).toBe(8 + headerBytes + 31);
  });

  test('an empty file of tensors, and names that objects treat specially', () => {
    expect(decodeSafetensors(encodeSafetensors([], {}))).toEqual({ tensors: new Map(), metadata: {} });
    const odd = [bytesTensor('__proto__', [1]), bytesTensor('12', [2]), bytesTensor('3', [3])];
    const { tensors, metadata } = decodeSafetensors(
      encodeSafetensors(odd, JSON.parse('{"__proto__":"p","constructor":"c"}')),
    );
    for (const tensor of odd) expect(tensors.get(tensor.name)).toEqual(tensor);
    expect(Object.entries(metadata)).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
  });

  test('reads a view that starts anywhere in its buffer', () => {
    const bytes = encodeSafetensors(some, {});
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    const { tensors } = decodeSafetensors(shifted);
    expect([...float32Of(tensors.get('w') ?? some[0])]).toEqual([1, -2, 0.5, Number.NaN]);
  });

  test('refuses to write what could not be read', () => {
    expect(() => encodeSafetensors([some[0], some[0]], {})).toThrow('"labels" twice');
    expect(() => encodeSafetensors([bytesTensor('__metadata__', [])], {})).toThrow(RangeError);
    expect(() => encodeSafetensors([{ ...some[1], shape: [3] }], {})).toThrow('expected 12 bytes, found 16');
  });

  const entry = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };
  const four = new Uint8Array(4);
  test.each<[string, Uint8Array, string, string]>([
    ['no bytes', new Uint8Array(0), 'foreign', 'only 0 bytes'],
    [
      'a PNG',
      Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0]),
      'foreign',
      'begin with a header',
    ],
    ['text', new TextEncoder().encode('{"spec": "a JSON file"}'), 'foreign', 'begin with a header'],
    ['a header longer than the file', fileOf({ w: entry }, four).subarray(0, 30), 'truncated', 'header of'],
    [
      'data cut off',
      fileOf({ w: entry }, new Uint8Array(3)),
      'truncated',
      'expected 4 bytes of tensors, found 3',
    ],
    ['a broken header', fileOf('{"w": '), 'malformed', 'not JSON'],
    ['a header that is not UTF-8', fileOf('{}').with(9, 0xff), 'malformed', 'not JSON'],
    ['a byte too many', fileOf({ w: entry }, new Uint8Array(5)), 'malformed', '1 bytes at the end'],
    ['an unknown dtype', fileOf({ w: { ...entry, dtype: 'BF16' } }, four), 'malformed', 'found "BF16"'],
    [
      'an inherited dtype',
      fileOf({ w: { ...entry, dtype: 'toString' } }, four),
      'malformed',
      'found "toString"',
    ],
    ['a negative size', fileOf({ w: { ...entry, shape: [-1, -1] } }, four), 'malformed', 'no list of sizes'],
    [
      'a fractional size',
      fileOf({ w: { ...entry, shape: [0.5, 2] } }, four),
      'malformed',
      'no list of sizes',
    ],
    [
      'a shape too big',
      fileOf({ w: { ...entry, shape: [2 ** 40, 2 ** 40] } }, four),
      'malformed',
      'its shape takes',
    ],
    ['shape against offsets', fileOf({ w: { ...entry, shape: [2] } }, four), 'malformed', 'takes 8 bytes'],
    ['one offset', fileOf({ w: { ...entry, data_offsets: [0] } }, four), 'malformed', 'no two positions'],
    [
      'offsets reversed',
      fileOf({ w: { ...entry, data_offsets: [4, 0] } }, four),
      'malformed',
      'data offsets -4',
    ],
    ['no entry', fileOf({ w: null }, four), 'malformed', 'expected a dtype'],
    ['overlapping tensors', fileOf({ a: entry, b: entry }, four), 'malformed', '"b" overlaps'],
    [
      'a hole between tensors',
      fileOf({ w: { ...entry, data_offsets: [4, 8] } }, new Uint8Array(8)),
      'malformed',
      '4 bytes before',
    ],
    ['metadata that is a list', fileOf({ __metadata__: [] }), 'malformed', 'metadata is not an object'],
    ['metadata that is a number', fileOf({ __metadata__: { a: 1 } }), 'malformed', '"a" is not a string'],
  ])('refuses %s', (_what, bytes, fault, message) => {
    const found = faultOf(bytes);
    expect(found.fault).toBe(fault);
    expect(found.message).toContain(message);
  });

  test('cut anywhere, the file is refused', () => {
    const bytes = encodeSafetensors(some, { spec: 'x' });
    for (let length = 0; length < bytes.length; length++) {
      const { fault } = faultOf(bytes.subarray(0, length));
      expect(fault, `${length} bytes`).toBe(length <= 8 ? 'foreign' : 'truncated');
    }
  });

  test('mutated anyhow, it is read or refused, and never anything else', () => {
    const seed = 20_262;
    const random = createRandom(seed);
    const original = encodeSafetensors(some, { spec: '{"name":"x"}' });
    let refused = 0;
    for (let i = 0; i < 20_000; i++) {
      const bytes = mutate(original, random);
      try {
        const { tensors } = decodeSafetensors(bytes);
        for (const { name, data } of tensors.values()) {
          expect(data.length, `seed ${seed}, case ${i}, ${name}`).toBeLessThanOrEqual(bytes.length);
        }
      } catch (error) {
        if (!(error instanceof SafetensorsError))
          throw new Error(`seed ${seed}, case ${i}`, { cause: error });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(5_000);
  });
});

describe('state dict', () => {
  const model = buildModel(namedSpecs.get('lenet-grey') ?? { name: 'x', input: [1, 1, 1], layers: [] });
  const parameters = initialParameters(model, 3);
  const tensors = () => new Map(stateDict(model, parameters).map((tensor) => [tensor.name, tensor]));

  test('there and back through bytes', () => {
    const { tensors: read } = decodeSafetensors(encodeSafetensors(stateDict(model, parameters), {}));
    expect(loadStateDict(model, read)).toEqual(parameters);
  });

  test('names and shapes are the model’s', () => {
    expect(stateDict(model, parameters).map(({ name, shape }) => [name, shape.join('×')])).toEqual(
      model.parameters.map(({ name, shape }) => [name, shape.join('×')]),
    );
  });

  test('refuses a missing, an extra and a renamed tensor by name', () => {
    const missing = tensors();
    missing.delete('3.conv2d.bias');
    expect(() => loadStateDict(model, missing)).toThrow(StateDictError);
    expect(() => loadStateDict(model, missing)).toThrow('missing "3.conv2d.bias".');
    const extra = tensors().set('adam', tensorOf('adam', [1], new Float32Array(1)));
    expect(() => loadStateDict(model, extra)).toThrow('not expected "adam".');
    expect(() => loadStateDict(model, new Map())).toThrow(/missing "0\.conv2d\.weight", .* and 6 more\.$/);
  });

  test('refuses another shape or dtype, saying both', () => {
    const name = '0.conv2d.weight';
    const reshaped = tensors().set(name, tensorOf(name, [150], new Float32Array(150)));
    expect(() => loadStateDict(model, reshaped)).toThrow(
      'Tensor "0.conv2d.weight": expected F32 [6, 1, 5, 5], found F32 [150].',
    );
    const doubled = tensors().set(name, tensorOf(name, [6, 1, 5, 5], new Float64Array(150)));
    expect(() => loadStateDict(model, doubled)).toThrow('found F64 [6, 1, 5, 5].');
  });

  test('refuses a parameter vector of another length', () => {
    expect(() => stateDict(model, new Float32Array(3))).toThrow('Expected 61706 parameters, found 3.');
  });

  test('float32Of and float64Of refuse each other’s tensors', () => {
    expect(() => float64Of(tensorOf('w', [1], new Float32Array(1)))).toThrow('expected dtype F64, found F32');
    expect(() => float32Of(tensorOf('w', [1], new Float64Array(1)))).toThrow('expected dtype F32, found F64');
  });
});
