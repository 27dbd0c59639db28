import { createHash } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultPreprocessing } from '../../src/data/index.js';
import {
  buildModel,
  createRandom,
  decodeSafetensors,
  encodeSafetensors,
  initialParameters,
  type ModelSpec,
} from '../../src/engine/index.js';
import {
  canonicalJson,
  decodeModelFile,
  encodeModelFile,
  type ModelFile,
  ModelFileError,
  readModelFile,
} from '../../src/store/index.js';
import { mutate } from '../engine/mutate.js';
import { temporaryFolder } from './temporary-folder.js';

const spec: ModelSpec = {
  name: 'small',
  input: [1, 32, 32],
  layers: [
    { type: 'maxpool2d', size: 4 },
    { type: 'conv2d', filters: 2, kernel: 3 },
    { type: 'relu' },
    { type: 'flatten' },
    { type: 'linear', units: 10 },
    { type: 'softmax' },
  ],
};

const sample = (): ModelFile => ({
  spec,
  preprocessing: defaultPreprocessing,
  classes: ['০', '১', '২', '৩', '৪', '৫', '৬', '৭', '৮', '৯'],
  provenance: { onko: '0.1.0', data: 'ab12', training: '{"epochs":2}' },
  parameters: initialParameters(buildModel(spec), 7),
});

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The sample's file with some of its metadata set, or removed where undefined. */
function withMetadata(changes: Record<string, string | undefined>): Uint8Array {
  const { tensors, metadata } = decodeSafetensors(encodeModelFile(sample()));
  const changed: Record<string, string> = {};
  for (const [key, value] of Object.entries({ ...metadata, ...changes })) {
    if (value !== undefined) changed[key] = value;
  }
  return encodeSafetensors([...tensors.values()], changed);
}

test('what goes in comes out', () => {
  expect(decodeModelFile(encodeModelFile(sample()))).toEqual(sample());
});

const temperature = { value: 0.6852, fittedOn: 'validation', samples: 4096 };

test('a temperature goes along; without one the metadata is what it was before there were any', () => {
  const file = { ...sample(), temperature };
  expect(decodeModelFile(encodeModelFile(file))).toEqual(file);
  expect(Object.keys(decodeSafetensors(encodeModelFile(sample())).metadata)).not.toContain('temperature');
  expect(() => encodeModelFile({ ...sample(), temperature: { ...temperature, value: 0 } })).toThrow(
    RangeError,
  );
});

test.each(['', '1.5', '{"value":-1,"fittedOn":"a","samples":9}', '{"value":1.5}'])(
  'a temperature that is none is refused: %s',
  (text) => {
    expect(() => decodeModelFile(withMetadata({ temperature: text }))).toThrow(ModelFileError);
  },
);

test('equal models have one SHA-256, whatever order their keys are in', () => {
  const reordered: ModelFile = {
    ...sample(),
    spec: { layers: spec.layers, input: spec.input, name: spec.name },
    preprocessing: JSON.parse(
      JSON.stringify(Object.fromEntries(Object.entries(defaultPreprocessing).toReversed())),
    ),
    provenance: { training: '{"epochs":2}', data: 'ab12', onko: '0.1.0' },
  };
  const hash = sha256(encodeModelFile(sample()));
  expect(sha256(encodeModelFile(reordered))).toBe(hash);
  expect(sha256(encodeModelFile(decodeModelFile(encodeModelFile(sample()))))).toBe(hash);
  const other = sample();
  other.parameters[0] += 1;
  expect(sha256(encodeModelFile(other))).not.toBe(hash);
});

test('canonical JSON sorts keys at every depth and keeps lists in order', () => {
  expect(canonicalJson({ b: [{ z: 1, y: undefined, x: null }], a: 'ä' })).toBe(
    '{"a":"ä","b":[{"x":null,"z":1}]}',
  );
  expect(canonicalJson([3, 1, 2])).toBe('[3,1,2]');
});

describe('encodeModelFile refuses what could not be read back', () => {
  test.each<[string, Partial<ModelFile>, string]>([
    ['too few parameters', { parameters: new Float32Array(3) }, 'found 3'],
    [
      'a parameter that is not finite',
      { parameters: sample().parameters.fill(Number.NaN, 0, 1) },
      'no finite',
    ],
    ['too few classes', { classes: ['0', '1'] }, 'expected 10 class names, one per output, found 2'],
    [
      'images of another size',
      { preprocessing: { ...defaultPreprocessing, width: 28 } },
      'takes images of 1×32×32, its preprocessing makes 1×32×28',
    ],
    [
      'colour for a grey model',
      { preprocessing: { ...defaultPreprocessing, color: 'rgb' } },
      'makes 3×32×32',
    ],
  ])('%s', (_what, change, message) => {
    expect(() => encodeModelFile({ ...sample(), ...change })).toThrow(message);
  });
});

describe('decodeModelFile says what is wrong and what to do', () => {
  const whole = encodeModelFile(sample());
  const foreignJson = JSON.stringify({
    ...spec,
    layers: [...spec.layers].toSpliced(4, 1, { type: 'linear', units: 9 }),
  });
  test.each<[string, Uint8Array, string]>([
    ['empty', new Uint8Array(0), 'm.st is empty. Take another copy'],
    ['cut in half', whole.subarray(0, whole.length / 2), 'm.st is damaged (cut short: expected '],
    ['cut in the header', whole.subarray(0, 100), 'm.st is damaged (cut short: expected a header of '],
    [
      'a picture',
      Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0]),
      'm.st is not a safetensors file',
    ],
    [
      'without metadata',
      encodeSafetensors([], {}),
      'is no Onko model that can be used: it carries no Onko metadata.',
    ],
    ['of a later version', withMetadata({ onko_model: '2' }), 'expected format version 1, found "2"'],
    ['without a spec', withMetadata({ spec: undefined }), 'its metadata lacks "spec"'],
    ['with a broken spec', withMetadata({ spec: '{' }), 'its metadata "spec" is not JSON'],
    [
      'with an invalid spec',
      withMetadata({ spec: '{}' }),
      'does not fit together: The model spec is not valid',
    ],
    ['with another spec', withMetadata({ spec: foreignJson }), 'Tensor "4.linear.weight": expected F32 [9, '],
    [
      'with invalid preprocessing',
      withMetadata({ preprocessing: '[]' }),
      'The preprocessing description is not valid',
    ],
    [
      'with classes that are no names',
      withMetadata({ classes: '[1]' }),
      'its "classes" are no list of names',
    ],
    [
      'with too many classes',
      withMetadata({ classes: '["a"]' }),
      'expected 10 class names, one per output, found 1',
    ],
    ['with odd provenance', withMetadata({ provenance: '{"a":1}' }), 'its "provenance" is no set of texts'],
  ])('%s', (_what, bytes, message) => {
    const decode = () => decodeModelFile(bytes, 'm.st');
    expect(decode).toThrow(ModelFileError);
    expect(decode).toThrow(message);
    // One or two plain sentences that name the file.
    expect(decode).toThrow(/^The model file m\.st .*\.$/);
  });

  test('without a path the sentence still stands', () => {
    expect(() => decodeModelFile(new Uint8Array(0))).toThrow(/^The model file is empty\./);
  });

  test('mutated anyhow, it is read or refused with a ModelFileError', () => {
    const seed = 77;
    const random = createRandom(seed);
    let refused = 0;
    for (let i = 0; i < 3000; i++) {
      try {
        decodeModelFile(mutate(whole, random));
      } catch (error) {
        if (!(error instanceof ModelFileError)) throw new Error(`seed ${seed}, case ${i}`, { cause: error });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });
});

describe('readModelFile', () => {
  test('reads', async () => {
    const path = join(await temporaryFolder(), 'model.safetensors');
    await writeFile(path, encodeModelFile(sample()));
    expect(await readModelFile(path)).toEqual(sample());
  });

  test('names a file that is missing, a folder, damaged or far too large', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'model.safetensors');
    await expect(readModelFile(path)).rejects.toThrow(ModelFileError);
    await expect(readModelFile(path)).rejects.toThrow(`There is no model file ${path}. Check the name`);
    await expect(readModelFile(folder)).rejects.toThrow(`${folder} is a folder, not a model file`);
    const whole = encodeModelFile(sample());
    await writeFile(path, whole.subarray(0, whole.length / 2));
    await expect(readModelFile(path)).rejects.toThrow(`The model file ${path} is damaged (cut short`);
    await expect(readModelFile(join(path, 'x'))).rejects.toThrow('There is no model file');
    const huge = await open(join(folder, 'huge'), 'w');
    await huge.truncate(2 ** 29);
    await huge.close();
    await expect(readModelFile(join(folder, 'huge'))).rejects.toThrow('too large');
  });
});
