import type { LayerSpec, Shape } from '../spec.js';
import { activation } from './activation.js';
import { add, type Source } from './add.js';
import { averagePool2d, globalAveragePool2d } from './averagepool2d.js';
import { batchNorm2d } from './batchnorm2d.js';
import { conv2d } from './conv2d.js';
import { depthwiseConv2d } from './depthwise-conv2d.js';
import { dropout } from './dropout.js';
import { flatten } from './flatten.js';
import type { LayerDesign } from './layer.js';
import { linear } from './linear.js';
import { maxpool2d } from './maxpool2d.js';
import { softmax } from './softmax.js';

/**
 * @param source the layer that an `add` names; null for every other one
 * @throws ShapeMismatch if the layer cannot take this input
 */
export function designLayer(spec: LayerSpec, input: Shape, source: Source | null = null): LayerDesign {
  switch (spec.type) {
    case 'conv2d':
      return conv2d(spec, input);
    case 'depthwise_conv2d':
      return depthwiseConv2d(spec, input);
    case 'relu':
    case 'leaky_relu':
    case 'tanh':
    case 'sigmoid':
      return activation(spec, input);
    case 'maxpool2d':
      return maxpool2d(spec, input);
    case 'avgpool2d':
      return averagePool2d(spec, input);
    case 'global_avgpool2d':
      return globalAveragePool2d(input);
    case 'batchnorm2d':
      return batchNorm2d(spec, input);
    case 'flatten':
      return flatten(input);
    case 'linear':
      return linear(spec, input);
    case 'dropout':
      return dropout(spec, input);
    case 'add':
      if (source === null) throw new TypeError('Expected the layer that is added.');
      return add(spec.from, input, source);
    case 'softmax':
      return softmax(input);
    default:
      return assertNever(spec);
  }
}

function assertNever(spec: never): never {
  throw new TypeError(`no such layer: ${JSON.stringify(spec)}`);
}
