import type { Shape } from '../spec.js';
import { describeShape, type LayerDesign, ShapeMismatch } from './layer.js';

/** A layer by its place, whose output another one adds. */
export interface Source {
  index: number;
  output: Shape;
}

/**
 * Its input plus the output of a layer before: y = x + other. The gradient goes to both: to its input here, and the plan adds it to
 * that of the other layer's output.
 *
 * @throws ShapeMismatch unless both shapes are the same
 */
export function add(from: string, input: Shape, source: Source): LayerDesign {
  const { channels, height, width } = source.output;
  if (channels !== input.channels || height !== input.height || width !== input.width) {
    throw new ShapeMismatch(
      `expected an input of ${describeShape(source.output)}, as layer ${source.index} ("${from}") gives it, found ${describeShape(input)}`,
    );
  }
  return {
    output: input,
    parameters: [],
    storage: 'in place',
    backwardReads: 'neither',
    bind: (kernels) => ({
      forward: ({ y, x, other }) => {
        if (y !== x) kernels.copy(y, x);
        kernels.add(y, other);
      },
      backward: ({ dx, dy }) => {
        if (dx !== null && dx !== dy) kernels.copy(dx, dy);
      },
    }),
  };
}
