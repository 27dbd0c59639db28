import { describe, expect, test } from 'vitest';
import {
  availableKernels,
  buildModel,
  initialParameters,
  KernelsUnavailableError,
  namedSpecs,
  resolveKernels,
} from '../../src/engine/index.js';

const named = (name: string) => {
  const spec = namedSpecs.get(name);
  if (spec === undefined) throw new Error(`no spec ${name}`);
  return buildModel(spec);
};

describe('named specs', () => {
  test.each([
    ['lenet', 62_006],
    ['lenet-grey', 61_706],
    ['vgg-small', 1_116_394],
    ['onko-net', 667_242],
  ])('%s has %i parameters and ten classes', (name, count) => {
    const model = named(name);
    expect(model.parameterCount).toBe(count);
    expect(model.classes).toBe(10);
  });

  test('lenet: names, shapes and places of its parameters', () => {
    const { parameters, layers } = named('lenet');
    expect(parameters.map(({ name, shape, offset }) => [name, shape, offset])).toEqual([
      ['0.conv2d.weight', [6, 3, 5, 5], 0],
      ['0.conv2d.bias', [6], 450],
      ['3.conv2d.weight', [16, 6, 5, 5], 456],
      ['3.conv2d.bias', [16], 2856],
      ['7.linear.weight', [120, 400], 2872],
      ['7.linear.bias', [120], 50_872],
      ['9.linear.weight', [84, 120], 50_992],
      ['9.linear.bias', [84], 61_072],
      ['11.linear.weight', [10, 84], 61_156],
      ['11.linear.bias', [10], 61_996],
    ]);
    expect(layers.slice(0, 7).map(({ output: o }) => [o.channels, o.height, o.width])).toEqual([
      [6, 28, 28],
      [6, 28, 28],
      [6, 14, 14],
      [16, 10, 10],
      [16, 10, 10],
      [16, 5, 5],
      [400, 1, 1],
    ]);
  });

  test('the tensors cover the parameter vector without gap or overlap', () => {
    for (const name of namedSpecs.keys()) {
      const model = named(name);
      let end = 0;
      for (const { offset, length, shape } of model.parameters) {
        expect(offset).toBe(end);
        expect(length).toBe(shape.reduce((a, b) => a * b, 1));
        end += length;
      }
      expect(end).toBe(model.parameterCount);
    }
  });
});

test('initial parameters follow from the seed; biases are zero', () => {
  const model = named('lenet');
  const parameters = initialParameters(model, 7);
  expect(initialParameters(model, 7)).toEqual(parameters);
  expect(initialParameters(model, 8)).not.toEqual(parameters);
  for (const { role, offset, length } of model.parameters) {
    const zero = parameters.subarray(offset, offset + length).every((v) => v === 0);
    expect(zero).toBe(role === 'bias');
  }
});

test('kernels are chosen by name, and an unknown name is refused with those there are', () => {
  expect(resolveKernels().kernels).toBe([...availableKernels.values()][0]);
  expect(resolveKernels('reference').kernels.name).toBe('reference');
  expect(() => resolveKernels('gpu')).toThrow(KernelsUnavailableError);
  expect(() => resolveKernels('gpu')).toThrow('There are no kernels named "gpu" here. Choose one of: ');
});
