import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { beforeAll, expect, test } from 'vitest';
import { type ModelSpec, namedSpecs } from '../../src/engine/index.js';
import { toOnnx } from '../../src/exchange/index.js';
import { randomModel } from '../engine/random-spec.js';
import { temporaryFolder } from '../store/temporary-folder.js';
import { testProgram } from '../support/program.js';
import { repository } from '../support/repository.js';
import { pythonLines } from './python.js';
import { answers, everyLayer, logitDifference, sampleModel } from './sample-models.js';

let python = '';
beforeAll(async () => {
  python = await testProgram('python');
});

const sample = sampleModel(everyLayer, 1, 'rgb');

interface Parsed {
  irVersion: number;
  producerName: string;
  producerVersion: string;
  opsetImport: { version: number }[];
  metadataProps: { key: string; value: string }[];
  graph: {
    node: { opType: string; input: string[]; output: string[] }[];
    initializer: { name: string; dims: number[] }[];
    input: unknown[];
    output: unknown[];
  };
}

async function parse(bytes: Uint8Array): Promise<Parsed> {
  const root = await protobuf.load(join(repository, 'proto/onnx/model.proto'));
  const type = root.lookupType('onnx.ModelProto');
  const plain: unknown = type.toObject(type.decode(bytes), { longs: Number, bytes: String });
  return JSON.parse(JSON.stringify(plain));
}

const value = (name: string, dim: object[]) => ({
  name,
  type: { tensorType: { elemType: 1, shape: { dim } } },
});

test('the file says its versions, its shapes for any batch, and its operators in order', async () => {
  const model = await parse(toOnnx(sample, '1.2.3'));
  expect(model).toMatchObject({
    irVersion: 8,
    producerName: 'onko',
    producerVersion: '1.2.3',
    opsetImport: [{ version: 17 }],
  });
  const { node, initializer, input, output } = model.graph;
  expect(input).toEqual([
    value('input', [{ dimParam: 'N' }, { dimValue: 3 }, { dimValue: 12 }, { dimValue: 12 }]),
  ]);
  expect(output).toEqual(
    ['logits', 'probabilities'].map((name) => value(name, [{ dimParam: 'N' }, { dimValue: 5 }])),
  );
  expect(node.map(({ opType }) => opType).join(' ')).toBe(
    'Conv BatchNormalization Relu Conv LeakyRelu Add MaxPool Conv Sigmoid AveragePool GlobalAveragePool ' +
      'Flatten Flatten Add Reshape Conv Flatten Gemm BatchNormalization Tanh Gemm Softmax',
  );
  // Every name is there before it is used, and given once.
  const known = new Set(['input', ...initializer.map(({ name }) => name)]);
  for (const { input: taken, output: given } of node) {
    for (const name of taken) expect(known).toContain(name);
    for (const name of given) {
      expect(known).not.toContain(name);
      known.add(name);
    }
  }
  expect(known).toContain('logits');
});

test('its metadata is what the model file says beside its parameters, and what the input is', async () => {
  const temperature = { value: 1.5, fittedOn: 'validation', samples: 99 };
  const { metadataProps } = await parse(toOnnx({ ...sample, temperature }, '1.2.3'));
  const { input, ...rest } = Object.fromEntries(metadataProps.map(({ key, value: text }) => [key, text]));
  expect(input).toBe('(byte / 255 - 0.2) / 0.32 of every byte of a prepared image');
  const read = Object.fromEntries(
    Object.entries(rest).map(([key, text]): [string, unknown] => [key, JSON.parse(text)]),
  );
  const { spec, preprocessing, classes, provenance } = sample;
  expect(read).toEqual({ onko_model: 1, spec, preprocessing, classes, provenance, temperature });
});

test('a model of three channels that is given grey images says so', async () => {
  const { metadataProps } = await parse(toOnnx(sampleModel(everyLayer, 1, 'grey'), '1.2.3'));
  expect(metadataProps.find(({ key }) => key === 'input')?.value).toMatch(
    /, the one grey plane 3 times as channels$/,
  );
});

test('equal models give equal bytes, the same in every version', () => {
  const bytes = toOnnx(sample, '1.2.3');
  expect(toOnnx(structuredClone(sample), '1.2.3')).toEqual(bytes);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(
    '8da2a90377c0348d0227814a230917194c6cfb1d68e317b92668114c82ee3dac',
  );
});

test('numpy computes the engine’s answers from the file', { timeout: 240_000 }, async () => {
  const folder = await temporaryFolder();
  const specs: { spec: ModelSpec; color: 'grey' | 'rgb' }[] = [
    { spec: everyLayer, color: 'rgb' },
    { spec: everyLayer, color: 'grey' },
    ...[...namedSpecs.values()].map((spec) => ({ spec, color: 'grey' as const })),
    ...Array.from({ length: 24 }, (_, i) => ({ spec: randomModel(i + 1).spec, color: 'grey' as const })),
  ];
  const files: string[] = [];
  const expected: number[][][] = [];
  for (const [i, { spec, color }] of specs.entries()) {
    const file = sampleModel(spec, i + 1, color);
    const { scaled, logProbabilities } = answers(file, i + 1);
    const [model, images] = [join(folder, `${i}.onnx`), join(folder, `${i}.f32`)];
    await writeFile(model, toOnnx(file, '1.2.3'));
    await writeFile(images, scaled);
    files.push(model, images);
    expected.push(logProbabilities);
  }
  const script = join(repository, 'test/exchange/onnx_numpy.py');
  const outputs = await pythonLines<Record<'logits' | 'probabilities', number[][]>>(
    python,
    [script, ...files],
    folder,
  );
  expect(outputs).toHaveLength(specs.length);
  const differences = outputs.map(({ logits }, i) => logitDifference(logits, expected[i] ?? []));
  const far = differences.flatMap((d, i) =>
    d <= 1e-4 ? [] : [`${specs[i]?.spec.name}, seed ${i + 1}: ${d}`],
  );
  expect(far).toEqual([]);
  for (const { logits, probabilities } of outputs) {
    expect(
      logitDifference(
        logits,
        probabilities.map((row) => row.map(Math.log)),
      ),
    ).toBeLessThan(1e-9);
  }
});
