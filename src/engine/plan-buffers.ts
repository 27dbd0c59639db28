import { type Kernels, LANES } from './kernels/kernels.js';
import { type LayerBuffers, type LayerRun, volume } from './layers/layer.js';
import type { Model } from './model.js';

/** A layer at work with the buffers it works on. */
export interface PlannedLayer {
  run: LayerRun;
  buffers: LayerBuffers;
}

export interface PlannedLayers {
  layers: PlannedLayer[];
  /** The model's input, [C][H][W][16]. */
  input: Float32Array;
  /** Index of the first layer that learns: the backward pass ends there. */
  firstLearning: number;
}

const none = new Float32Array(0);

/**
 * Allocates what one group of sixteen images needs, forward and backward, and binds every layer to it.
 *
 * Activations: a buffer per layer, except that an element-wise layer overwrites its input where no backward pass reads it.
 * Gradients: two buffers that take turns, since a layer's dy is spent once its dx is there.
 */
export function planLayers(model: Model, kernels: Kernels): PlannedLayers {
  const { layers } = model;
  const firstLearning = layers.findIndex((layer) => layer.parameters.length > 0);
  const input = kernels.allocate(volume(model.input) * LANES);
  const outputs: Float32Array[] = [];
  let current = input;
  let readBack = false;
  for (const { design, output } of layers) {
    const keeps = design.storage === 'view' || (design.storage === 'in place' && !readBack);
    if (!keeps) {
      current = kernels.allocate(volume(output) * LANES);
      readBack = false;
    }
    readBack ||= design.backwardReads === 'output';
    outputs.push(current);
  }

  const largest = Math.max(...layers.map(({ output }) => volume(output) * LANES));
  const turns = [kernels.allocate(largest), kernels.allocate(largest)] as const;
  const gradients: Float32Array[] = [];
  let turn: 0 | 1 = 0;
  for (const { design, output } of layers.toReversed()) {
    gradients.unshift(turns[turn].subarray(0, volume(output) * LANES));
    if (design.storage === 'own') turn = turn === 0 ? 1 : 0;
  }

  const planned = layers.map(({ design, index }): PlannedLayer => {
    const x = index === 0 ? input : outputs[index - 1];
    const dx = index > firstLearning ? gradients[index - 1] : null;
    return {
      run: design.bind(kernels, index),
      buffers: { x, y: outputs[index], dx, dy: gradients[index], w: none, b: none, dw: none, db: none },
    };
  });
  return { layers: planned, input, firstLearning };
}

/** Points every layer's w and b into the flat parameter vector. */
export function bindParameters(model: Model, planned: PlannedLayer[], parameters: Float32Array): void {
  for (const { index, parameters: own } of model.layers) {
    for (const { role, offset, length } of own) {
      const view = parameters.subarray(offset, offset + length);
      if (role === 'weight') planned[index].buffers.w = view;
      else planned[index].buffers.b = view;
    }
  }
}

/** Points every layer's dw and db into the flat gradient. */
export function bindGradient(model: Model, planned: PlannedLayer[], gradient: Float32Array): void {
  for (const { index, parameters: own } of model.layers) {
    for (const { role, offset, length } of own) {
      const view = gradient.subarray(offset, offset + length);
      if (role === 'weight') planned[index].buffers.dw = view;
      else planned[index].buffers.db = view;
    }
  }
}
