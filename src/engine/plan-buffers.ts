import { type Lifetime, layOutArena } from './arena.js';
import { type Kernels, LANES } from './kernels/kernels.js';
import { type LayerBuffers, type LayerRun, noParameters, volume } from './layers/layer.js';
import type { Model } from './model.js';
import { type Stack, type StackLayer, stackFor } from './stack.js';

/** A layer at work with the buffers it works on. */
export interface PlannedLayer {
  run: LayerRun;
  buffers: LayerBuffers;
  /** Gradients that `dx` gets besides: those of the `add` layers that take this layer's input, which have it by name. */
  alsoToDx: readonly Float32Array[];
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
 * Gradients: likewise, except that an element-wise layer always overwrites. What an `add` takes by name, and the gradient that it
 * gives back, stay until they are read. Workspaces: one per pass of a layer that wants any. All lie in one arena: see `lifetimesOf`.
 *
 * @param pixelChannels of the bytes: see `stackFor`
 */
export function planLayers(model: Model, kernels: Kernels, pixelChannels: number): PlannedLayers {
  const stack = stackFor(model, pixelChannels);
  const { buffers, activations, gradients, workspaces, firstLearning } = lifetimesOf(stack, kernels);
  const { offsets, length, needed } = layOutArena(buffers);
  const arena = kernels.allocate(length);
  const views = buffers.map((buffer, i) => arena.subarray(offsets[i], offsets[i] + buffer.length));

  const alsoTo = (source: number): Float32Array[] =>
    stack.layers.flatMap(({ from }, index) => {
      const id = from === source ? gradients[index] : null;
      return id === null ? [] : [views[id]];
    });
  const planned = stack.layers.map(({ design, from }, index): PlannedLayer => {
    const dx = index > firstLearning ? gradients[index - 1] : null;
    const dy = gradients[index];
    const { forward, backward } = workspaces[index];
    return {
      run: design.bind(kernels, index),
      buffers: {
        x: views[activations[index]],
        y: views[activations[index + 1]],
        other: from === null ? none : views[activations[from + 1]],
        dx: dx === null ? null : views[dx],
        dy: dy === null ? none : views[dy],
        workspace: {
          forward: forward === null ? none : views[forward],
          backward: backward === null ? none : views[backward],
        },
        ...noParameters,
      },
      alsoToDx: dx === null ? [] : alsoTo(index - 1),
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

  /** By layer: the last `add` that takes its output by name. */
  const lastTaker = new Map(layers.flatMap(({ from }, index) => (from === null ? [] : [[from, index]])));

  const activations = [0];
  /** By buffer: until when an `add` will want what is in it now. */
  const wanted = new Map<number, number>();
  let current = 0;
  let readBack = false;
  for (const [index, { design, output, from }] of layers.entries()) {
    lives(current, index);
    if (from !== null) lives(activations[from + 1], index);
    if (design.backwardReads === 'input' && index >= firstLearning) lives(current, backwardAt(index));
    const isFree = !readBack && (wanted.get(current) ?? 0) <= index;
    const keeps = design.storage === 'view' || (design.storage === 'in place' && isFree);
    if (!keeps) {
      current = buffers.push({ length: volume(output) * LANES, born: index, dies: index }) - 1;
      readBack = false;
    }
    lives(current, index);
    if (design.backwardReads === 'output' && index >= firstLearning) lives(current, backwardAt(index));
    readBack ||= design.backwardReads === 'output';
    activations.push(current);
    const taker = lastTaker.get(index);
    if (taker !== undefined) wanted.set(current, Math.max(taker, wanted.get(current) ?? 0));
  }

  const gradients: (number | null)[] = layers.map(() => null);
  for (let index = layers.length - 2; index >= firstLearning; index--) {
    const after = gradients[index + 1];
    const next = layers[index + 1];
    const born = backwardAt(index + 1);
    // What an add gives back to its input is also given elsewhere, later: it may be shared where nobody writes over it till then.
    const shares =
      next.from === null
        ? next.design.storage !== 'own'
        : leavesItsGradient(layers[index]) && !lastTaker.has(index);
    const id =
      after !== null && shares
        ? after
        : buffers.push({ length: volume(layers[index].output) * LANES, born, dies: born }) - 1;
    lives(id, backwardAt(index));
    const { from } = layers[index];
    if (from !== null && from >= firstLearning) lives(id, backwardAt(from + 1));
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

/** Whether the layer's backward pass only reads the gradient of its output. */
const leavesItsGradient = ({ design, from }: StackLayer): boolean =>
  design.storage === 'own' || from !== null;

/** The buffers of a layer that a tensor and its gradient are. */
const places = {
  weight: ['w', 'dw'],
  bias: ['b', 'db'],
  running_mean: ['mean', 'dMean'],
  running_var: ['variance', 'dVariance'],
} as const;

/** Points every layer's w, b, mean and variance into the flat parameter vector. */
export function bindParameters(model: Model, planned: PlannedLayer[], parameters: Float32Array): void {
  bind(model, planned, parameters, 0);
}

/** Points every layer's dw, db, dMean and dVariance into the flat gradient. */
export function bindGradient(model: Model, planned: PlannedLayer[], gradient: Float32Array): void {
  bind(model, planned, gradient, 1);
}

function bind(model: Model, planned: PlannedLayer[], flat: Float32Array, which: 0 | 1): void {
  for (const { index, parameters: own } of model.layers) {
    for (const { role, offset, length } of own) {
      planned[index].buffers[places[role][which]] = flat.subarray(offset, offset + length);
    }
  }
}
