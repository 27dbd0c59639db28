import { describe, expect, test } from 'vitest';
import { buildModel, namedSpecs, parseModelSpec, SpecError } from '../../src/engine/index.js';

const spec = (...layers: unknown[]): unknown => ({ name: 'tried', input: [3, 32, 32], layers });
const refusal = (json: unknown): string => {
  try {
    buildModel(parseModelSpec(json));
  } catch (error) {
    if (error instanceof SpecError) return error.message;
    throw error;
  }
  return 'accepted';
};
const softmax = { type: 'softmax' };

describe('form', () => {
  test('a spec comes back as it was, whatever its JSON round trip', () => {
    for (const named of namedSpecs.values()) {
      expect(parseModelSpec(JSON.parse(JSON.stringify(named)))).toEqual(named);
    }
  });

  test.each<[unknown, string]>([
    [null, 'The model spec is not valid'],
    [{}, '"name"'],
    [{ ...Object(spec(softmax)), input: [3, 32] }, '"input"'],
    [{ ...Object(spec(softmax)), input: [3, 0, 32] }, '"input.1"'],
    [{ ...Object(spec(softmax)), init: 'zeros' }, '"init"'],
    [{ ...Object(spec(softmax)), optimiser: 'sgd' }, 'unknown key "optimiser"'],
    [{ ...Object(spec(softmax)), name: '../../etc' }, '"name"'],
    [spec(), '"layers"'],
    [spec({ type: 'conv3d' }, softmax), 'Layer 0: expected a type of conv2d, depthwise_conv2d, relu'],
    [spec({ type: 'toString' }, softmax), 'Layer 0: expected a type of'],
    [spec({ type: 'relu' }, {}, softmax), 'Layer 1: expected a type of'],
    [spec({ type: 'relu' }, 'relu', softmax), 'Layer 1: expected a type of'],
    [spec({ type: 'linear', units: 10, bias: false }, softmax), 'Layer 0 (linear): unknown key "bias"'],
    [spec({ type: 'conv2d', filters: 6 }, softmax), 'Layer 0 (conv2d): "kernel"'],
    [spec({ type: 'conv2d', filters: 6.5, kernel: 3 }, softmax), 'found 6.5'],
    [spec({ type: 'conv2d', filters: 6, kernel: 3, stride: 0 }, softmax), '"stride"'],
    [spec({ type: 'maxpool2d', size: 16 }, softmax), 'Layer 0 (maxpool2d): "size"'],
    [spec({ type: 'avgpool2d', size: 0 }, softmax), 'Layer 0 (avgpool2d): "size"'],
    [spec({ type: 'batchnorm2d', epsilon: 0 }, softmax), 'Layer 0 (batchnorm2d): "epsilon"'],
    [spec({ type: 'batchnorm2d', momentum: 1.5 }, softmax), 'Layer 0 (batchnorm2d): "momentum"'],
    [spec({ type: 'dropout', rate: 1 }, softmax), 'Layer 0 (dropout): "rate"'],
    [spec({ type: 'leaky_relu', slope: -0.1 }, softmax), 'Layer 0 (leaky_relu): "slope"'],
    [spec({ type: 'relu', name: 'a b' }, softmax), 'Layer 0 (relu): "name"'],
    [spec({ type: 'add' }, softmax), 'Layer 0 (add): "from"'],
    [
      spec({ type: 'add', from: 'a' }, softmax),
      'Layer 0 (add): expected "from" to be the name of a layer before it (none has one); found "a".',
    ],
    [
      spec({ type: 'relu', name: 'b' }, { type: 'add', from: 'a', name: 'a' }, softmax),
      'Layer 1 (add): expected "from" to be the name of a layer before it (b); found "a".',
    ],
    [
      spec({ type: 'relu', name: 'a' }, { type: 'tanh', name: 'a' }, softmax),
      'Layer 1 (tanh): expected a name that no other layer has; found "a", the name of layer 0.',
    ],
    [
      spec({ type: 'flatten' }, { type: 'linear', units: 10 }),
      'Layer 1 (linear) is the last one: expected softmax',
    ],
    [spec(softmax, { type: 'relu' }), 'Layer 0 (softmax) must be the last layer; 1 more follow it'],
    [spec({ type: 'flatten' }, softmax, softmax), 'Layer 1 (softmax) must be the last layer'],
  ])('%j is refused', (json, message) => {
    expect(refusal(json)).toContain(message);
  });
});

describe('shapes', () => {
  test.each<[unknown, string]>([
    [
      spec({ type: 'conv2d', filters: 6, kernel: 5 }, { type: 'linear', units: 10 }, softmax),
      'Layer 1 (linear): expected a flat input n×1×1, found 6×28×28; put a flatten before it.',
    ],
    [
      spec({ type: 'maxpool2d', size: 8 }, { type: 'conv2d', filters: 6, kernel: 5 }, softmax),
      'Layer 1 (conv2d): expected an input of at least 3×5×5 for a 5×5 kernel, found 3×4×4.',
    ],
    [
      spec({ type: 'maxpool2d', size: 15 }, { type: 'conv2d', filters: 6, kernel: 5, padding: 1 }, softmax),
      'Layer 1 (conv2d): expected an input of at least 3×3×3 for a 5×5 kernel with padding 1, found 3×2×2.',
    ],
    [
      spec({ type: 'conv2d', filters: 6, kernel: 31 }, { type: 'maxpool2d', size: 3 }, softmax),
      'Layer 1 (maxpool2d): expected an input of at least 6×3×3 for a 3×3 window, found 6×2×2.',
    ],
    [
      spec({ type: 'conv2d', filters: 6, kernel: 30 }, { type: 'avgpool2d', size: 4 }, softmax),
      'Layer 1 (avgpool2d): expected an input of at least 6×4×4 for a 4×4 window, found 6×3×3.',
    ],
    [
      spec(
        { type: 'relu', name: 'start' },
        { type: 'conv2d', filters: 6, kernel: 3 },
        { type: 'add', from: 'start' },
        softmax,
      ),
      'Layer 2 (add): expected an input of 3×32×32, as layer 0 ("start") gives it, found 6×30×30.',
    ],
    [
      spec({ type: 'maxpool2d', size: 15 }, { type: 'depthwise_conv2d', kernel: 3 }, softmax),
      'Layer 1 (depthwise_conv2d): expected an input of at least 3×3×3 for a 3×3 kernel, found 3×2×2.',
    ],
    [
      spec({ type: 'conv2d', filters: 6, kernel: 3, padding: 3 }, softmax),
      "Layer 0 (conv2d): expected padding under the kernel's 3, found padding 3.",
    ],
    [spec({ type: 'relu' }, softmax), 'Layer 1 (softmax): expected a flat input n×1×1, found 3×32×32'],
    [spec({ type: 'flatten' }, softmax), 'Layer 1 (softmax): expected 2 to 256 classes, found 3072.'],
    [
      spec({ type: 'flatten' }, { type: 'linear', units: 1 }, softmax),
      'Layer 2 (softmax): expected 2 to 256 classes, found 1.',
    ],
    [
      { name: 'tried', input: [10, 1, 1], layers: [softmax] },
      'The model has nothing to learn: expected at least one conv2d or linear layer, found none.',
    ],
    [
      spec({ type: 'flatten' }, { type: 'linear', units: 65_536 }, softmax),
      'Layer 1 (linear): expected at most 33554432 parameters up to here, found 201392128.',
    ],
    [
      {
        name: 'tried',
        input: [1, 1024, 1024],
        layers: [{ type: 'conv2d', filters: 16, kernel: 1 }, softmax],
      },
      'Layer 0 (conv2d): expected at most 4194304 activations per image up to here, found 16777216.',
    ],
  ])('%j is refused', (json, message) => {
    expect(refusal(json)).toContain(message);
  });
});
