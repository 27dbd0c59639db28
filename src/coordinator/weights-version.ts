import type { Mode } from '../protocol/index.js';

/**
 * Number of the weights that work of a mode is done with after `step` whole steps; it only ever rises. Without weight averaging it
 * is the step, for both. With it there are two kinds of weights at the end of an epoch, the averaged ones to validate and then
 * the parameters to go on with: 2·step and 2·step + 1.
 */
export function weightsVersion(averages: boolean, mode: Mode, step: number): number {
  if (!averages) return step;
  return mode === 'evaluate' ? 2 * step : 2 * step + 1;
}
