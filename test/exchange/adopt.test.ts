import { expect, test } from 'vitest';
import { buildModel, type ModelSpec, type NamedTensor, stateDict, tensorOf } from '../../src/engine/index.js';
import { adoptParameters } from '../../src/exchange/index.js';
import { everyLayer, sampleModel } from './sample-models.js';

const spec: ModelSpec = {
  name: 'twice',
  input: [1, 8, 8],
  layers: [
    { type: 'conv2d', filters: 4, kernel: 3, padding: 1 },
    { type: 'batchnorm2d' },
    { type: 'relu' },
    { type: 'conv2d', filters: 4, kernel: 3, padding: 1 },
    { type: 'batchnorm2d' },
    { type: 'conv2d', filters: 4, kernel: 3, padding: 1 },
    { type: 'flatten' },
    { type: 'linear', units: 10 },
    { type: 'softmax' },
  ],
};
const model = buildModel(spec);
const { parameters } = sampleModel(spec, 5, 'grey');
const names = ['c1', 'b2', 'c9', 'b10', 'c10', 'head'];
const learning = model.layers.filter((layer) => layer.parameters.length > 0);

/** The parameters under other names, by layer, as a file with sorted names would have them. */
function renamed(modules: readonly string[], more: NamedTensor[] = []): Map<string, NamedTensor> {
  const prefixes = new Map(learning.map(({ index, spec: { type } }, i) => [`${index}.${type}`, modules[i]]));
  const tensors = stateDict(model, parameters).map((tensor) => {
    const point = tensor.name.lastIndexOf('.');
    return { ...tensor, name: prefixes.get(tensor.name.slice(0, point)) + tensor.name.slice(point) };
  });
  const sorted = [...tensors, ...more].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(sorted.map((tensor) => [tensor.name, tensor]));
}

const counter: NamedTensor = {
  name: 'b2.num_batches_tracked',
  dtype: 'I64',
  shape: [],
  data: new Uint8Array(8),
};

test('modules find their layers by shape, and by the numbers in their names', () => {
  const adopted = adoptParameters(model, renamed(names, [counter]));
  expect(adopted.parameters).toEqual(parameters);
  expect(adopted.pairs.map(({ layer, module }) => [layer, module])).toEqual(
    learning.map(({ index, spec: { type } }, i) => [`${index}.${type}`, names[i]]),
  );
});

test('a model’s own names are adopted, too', () => {
  const file = sampleModel(everyLayer, 6, 'rgb');
  const own = buildModel(everyLayer);
  const tensors = new Map(stateDict(own, file.parameters).map((tensor) => [tensor.name, tensor]));
  expect(adoptParameters(own, tensors).parameters).toEqual(file.parameters);
});

test('a convolution without a bias gets zeros', () => {
  const tensors = renamed(names);
  expect(tensors.delete('c9.bias')).toBe(true);
  const bias = model.parameters.find(({ name }) => name === '3.conv2d.bias');
  if (bias === undefined) throw new Error('Expected a bias.');
  const expected = parameters.slice().fill(0, bias.offset, bias.offset + bias.length);
  expect(adoptParameters(model, tensors).parameters).toEqual(expected);
});

const set = (tensor: NamedTensor) => (tensors: Map<string, NamedTensor>) => tensors.set(tensor.name, tensor);

test.each([
  [
    'a module too many',
    set(tensorOf('c11.weight', [4, 4, 3, 3], new Float32Array(144))),
    /expected 2, found 3 \(c10, c9, c11\)/,
  ],
  [
    'one that fits no layer',
    set(tensorOf('more.weight', [3, 3], new Float32Array(9))),
    /weight of \[3, 3\], expected none, found 1 \(more\)/,
  ],
  [
    'one too few',
    (t) => t.delete('head.weight'),
    /weight of \[10, 256\], expected 1, found none among b10 with a weight of \[4\] and/,
  ],
  [
    'a name of no role',
    set(tensorOf('c1.scale', [4], new Float32Array(4))),
    /"c1\.scale": expected a name like PyTorch's/,
  ],
  [
    'a bias of another size',
    set(tensorOf('c1.bias', [5], new Float32Array(5))),
    /"c1\.bias": expected \[4\] for layer 0 \(conv2d\), found \[5\]/,
  ],
  [
    'a normalisation without a bias',
    (t) => t.delete('b10.bias'),
    /"b10", for layer 4 \(batchnorm2d\): its bias is missing/,
  ],
  [
    'other precision',
    set(tensorOf('c1.bias', [4], new Float64Array(4))),
    /"c1\.bias": expected dtype F32, found F64/,
  ],
  [
    'no finite numbers',
    set(tensorOf('c1.bias', [4], new Float32Array(4).fill(Number.NaN))),
    /"c1\.bias": some of its values are no finite/,
  ],
] satisfies [string, (tensors: Map<string, NamedTensor>) => unknown, RegExp][])(
  '%s is refused, with its name',
  (_, change, words) => {
    const tensors = renamed(names);
    change(tensors);
    expect(() => adoptParameters(model, tensors)).toThrow(words);
  },
);

test('an order that would be a guess is refused', () => {
  const modules = ['c1', 'b2', 'middle', 'b10', 'last', 'head'];
  expect(() => adoptParameters(model, renamed(modules))).toThrow(
    /Several modules have a weight of \[4, 4, 3, 3\]: last, middle\. Expected names that differ in numbers alone/,
  );
});
