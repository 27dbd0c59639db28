import type { Kernels } from '../kernels/kernels.js';
import type { ParameterRole } from '../parameter-tensor.js';
import type { Shape } from '../spec.js';

/** A tensor that a layer learns or, by its role, keeps as a running statistic, in PyTorch's order; fans as He and Glorot count them. */
export interface ParameterDeclaration {
  role: ParameterRole;
  shape: number[];
  /** Every value before the first step. Absent: a weight's are drawn, as the model's `init` says, others are 0. */
  start?: number;
  fanIn: number;
  fanOut: number;
}

/**
 * The buffers of one layer for one group of sixteen images. All belong to the plan; those of the parameters and their
 * gradient change between calls, the others never do.
 */
export interface LayerBuffers {
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** What an `add` adds to x. */
  readonly other: Float32Array;
  readonly dy: Float32Array;
  /** null: nothing before this layer learns, so nobody asks for the gradient of its input. */
  readonly dx: Float32Array | null;
  /** Memory to compute in, as much as the design asks for: others use it between the passes. */
  readonly workspace: { readonly forward: Float32Array; readonly backward: Float32Array };
  w: Float32Array;
  b: Float32Array;
  dw: Float32Array;
  db: Float32Array;
  /** Running statistics, and their places in the gradient. */
  mean: Float32Array;
  variance: Float32Array;
  dMean: Float32Array;
  dVariance: Float32Array;
}

const none = new Float32Array(0);

/** The buffers of parameters before any are bound. */
export const noParameters = {
  w: none,
  b: none,
  dw: none,
  db: none,
  mean: none,
  variance: none,
  dMean: none,
  dVariance: none,
};

/** Which pass is running; one object per plan, refilled for every group. */
export interface Pass {
  training: boolean;
  seed: number;
  step: number;
  microshard: number;
  /** Index of the group of sixteen in its microshard. */
  group: number;
  /** Images in the group, 1 to 16: the lanes after them are empty. */
  lanes: number;
}

/** A layer at work: bound to kernels, and to scratch of its own (a mask, an argmax). */
export interface LayerRun {
  /** What it keeps from its forward to its backward pass, or over the groups of a call, if anything. */
  readonly scratch?: ArrayBufferView;
  /** Before the first group of a call: the parameters may be others than in the last one. */
  begin?(buffers: LayerBuffers): void;
  forward(buffers: LayerBuffers, pass: Pass): void;
  /** dy → dx (unless null), and += into dw, db. */
  backward(buffers: LayerBuffers, pass: Pass): void;
  /** After the last group of a gradient: += into dw, db what the backward passes kept to themselves. */
  end?(buffers: LayerBuffers): void;
}

/** A layer whose input shape is known and fits. */
export interface LayerDesign {
  readonly output: Shape;
  readonly parameters: readonly ParameterDeclaration[];
  /** Of a layer with running statistics: how far a step moves them, and values that they are taken over in each image. */
  readonly statistics?: { momentum: number; area: number };
  /** 'own': writes a buffer of its own; 'in place': may overwrite its input; 'view': its output is its input. */
  readonly storage: 'own' | 'in place' | 'view';
  /** What the backward pass reads of the forward pass, so the plan does not overwrite it. */
  readonly backwardReads: 'input' | 'output' | 'neither';
  /** Length of the workspace that each pass needs, where it needs one. */
  workspace?(kernels: Kernels): number;
  /** The same layer for a model's input whose channels are all alike: it reads one, [1][H][W][16]. Absent where that spares nothing. */
  readonly onAlikeChannels?: LayerDesign;
  /** Index of the layer in its model: part of the key of what it draws at random. */
  bind(kernels: Kernels, layerIndex: number): LayerRun;
}

/** A layer that cannot take its input; the model adds which layer it is. */
export class ShapeMismatch extends Error {
  override readonly name = 'ShapeMismatch';
}

export const volume = (shape: Shape): number => shape.channels * shape.height * shape.width;

export const describeShape = (shape: Shape): string => `${shape.channels}×${shape.height}×${shape.width}`;

/** @throws ShapeMismatch unless the shape is a vector, n×1×1 */
export function expectVector(input: Shape): void {
  if (input.height !== 1 || input.width !== 1) {
    throw new ShapeMismatch(
      `expected a flat input n×1×1, found ${describeShape(input)}; put a flatten before it`,
    );
  }
}
