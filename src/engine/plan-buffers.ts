import { type Lifetime, layOutArena } from './arena.js';
import { type Kernels, LANES } from './kernels/kernels.js';
import { type LayerBuffers, type LayerRun, volume } from './layers/layer.js';
import type { Model } from './model.js';
import { type Stack, stackFor } from './stack.js';

/** A layer at work with the buffers it works on. */
export interface PlannedLayer {
  run: LayerRun;
  buffers: LayerBuffers;
}

/** Bytes that a plan holds for the one group of sixteen images that it has in flight. Parameters are the caller's. */
export interface PlanMemory {
  /** Of the input and every layer's output, counting those that overwrite their input once. */
  activationBytes: number;
  /** Of the gradients of the activations. */
  gradientBytes: number;
  /** The longest workspace of an operation. */
  workspaceBytes: number;
  /** What all three really take: one arena, in which a buffer gives its place away when its time is over. */
  arenaBytes: number;
  /** What layers keep to themselves: the argmax of poolings, the masks of dropouts, the weights that a first layer adds up. */
  scratchBytes: number;
  totalBytes: number;
  /** The most that a training step needs at one moment; less takes computing something twice, or with less workspace. */
  neededBytes: number;
}

export interface PlannedLayers {
  layers: PlannedLayer[];
  /** What the first layer reads, [channels][H][W][16]. */
  input: Float32Array;
  /** Those of the model's input, or 1 where they are all alike and the first layer reads one of them. */
  channels: number;
  /** Index of the first layer that learns: the backward pass ends there. */
  firstLearning: number;
  memory: PlanMemory;
}

const none = new Float32Array(0);

/**
 * Allocates what one group of sixteen images needs, forward and backward, and binds every layer to it.
 *
 * Activations: a buffer per layer, except that an element-wise layer overwrites its input where no backward pass reads it.
 * Gradients: likewise, except that an element-wise layer always overwrites. Workspaces: one per pass of a layer that wants any.
 * All lie in one arena: see `lifetimesOf`.
 *
 * @param pixelChannels of the bytes: see `stackFor`
 */
export function planLayers(model: Model, kernels: Kernels, pixelChannels: number): PlannedLayers {
  const stack = stackFor(model, pixelChannels);
  const { buffers, activations, gradients, workspaces, firstLearning } = lifetimesOf(stack, kernels);
  const { offsets, length, needed } = layOutArena(buffers);
  const arena = kernels.allocate(length);
  const views = buffers.map((buffer, i) => arena.subarray(offsets[i], offsets[i] + buffer.length));

  const planned = stack.layers.map(({ design }, index): PlannedLayer => {
    const dx = index > firstLearning ? gradients[index - 1] : null;
    const dy = gradients[index];
    const { forward, backward } = workspaces[index];
    return {
      run: design.bind(kernels, index),
      buffers: {
        x: views[activations[index]],
        y: views[activations[index + 1]],
        dx: dx === null ? null : views[dx],
        dy: dy === null ? none : views[dy],
        workspace: {
          forward: forward === null ? none : views[forward],
          backward: backward === null ? none : views[backward],
        },
        w: none,
        b: none,
        dw: none,
        db: none,
      },
    };
  });

  const bytesOf = (ids: readonly (number | null)[]): number =>
    [...new Set(ids)].reduce<number>((sum, id) => sum + (id === null ? 0 : views[id].byteLength), 0);
  const scratchBytes = planned.reduce((sum, { run }) => sum + (run.scratch?.byteLength ?? 0), 0);
  const memory: PlanMemory = {
    activationBytes: bytesOf(activations),
    gradientBytes: bytesOf(gradients),
    workspaceBytes: Math.max(0, ...workspaces.map(({ forward }) => bytesOf([forward]))),
    arenaBytes: arena.byteLength,
    scratchBytes,
    totalBytes: arena.byteLength + scratchBytes,
    neededBytes: needed * arena.BYTES_PER_ELEMENT + scratchBytes,
  };
  const { channels } = stack.input;
  return { layers: planned, input: views[activations[0]], channels, firstLearning, memory };
}

/** Every buffer of a training step with its lifetime; each layer's forward pass is a moment, and its backward pass another. */
interface BufferUse {
  buffers: Lifetime[];
  /** activations[i] is the input of layer i, activations[i + 1] its output: indices into `buffers`. */
  activations: number[];
  /** gradients[i] is that of layer i's output; null where nobody asks for it. */
  gradients: (number | null)[];
  /** workspaces[i] are those of layer i; null where it has none. */
  workspaces: { forward: number | null; backward: number | null }[];
  firstLearning: number;
}

function lifetimesOf({ input, layers }: Stack, kernels: Kernels): BufferUse {
  const firstLearning = layers.findIndex(({ design }) => design.parameters.length > 0);
  // The last layer is the softmax. Its backward moment is the loss's, which reads probabilities and writes dLogits.
  const backwardAt = (index: number): number => 2 * layers.length - 1 - index;
  const buffers: Lifetime[] = [{ length: volume(input) * LANES, born: 0, dies: 0 }];
  const lives = (id: number, until: number): void => {
    buffers[id].dies = Math.max(buffers[id].dies, until);
  };

  const activations = [0];
  let current = 0;
  let readBack = false;
  for (const [index, { design, output }] of layers.entries()) {
    lives(current, index);
    if (design.backwardReads === 'input' && index >= firstLearning) lives(current, backwardAt(index));
    const keeps = design.storage === 'view' || (design.storage === 'in place' && !readBack);
    if (!keeps) {
      current = buffers.push({ length: volume(output) * LANES, born: index, dies: index }) - 1;
      readBack = false;
    }
    lives(current, index);
    if (design.backwardReads === 'output' && index >= firstLearning) lives(current, backwardAt(index));
    readBack ||= design.backwardReads === 'output';
    activations.push(current);
  }

  const gradients: (number | null)[] = layers.map(() => null);
  for (let index = layers.length - 2; index >= firstLearning; index--) {
    const after = gradients[index + 1];
    const born = backwardAt(index + 1);
    const id =
      after !== null && layers[index + 1].design.storage !== 'own'
        ? after
        : buffers.push({ length: volume(layers[index].output) * LANES, born, dies: born }) - 1;
    lives(id, backwardAt(index));
    gradients[index] = id;
  }

  const workspaces = layers.map(({ design }, index) => {
    const length = design.workspace?.(kernels) ?? 0;
    const at = (moment: number): number => buffers.push({ length, born: moment, dies: moment }) - 1;
    if (length === 0) return { forward: null, backward: null };
    return { forward: at(index), backward: index >= firstLearning ? at(backwardAt(index)) : null };
  });
  return { buffers, activations, gradients, workspaces, firstLearning };
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
