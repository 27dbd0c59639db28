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

/** The other way round: how many whole steps the weights of a version have behind them, and whether they are the average. */
export function meaningOf(averages: boolean, version: number): { step: number; averaged: boolean } {
  if (!averages) return { step: version, averaged: false };
  return { step: Math.floor(version / 2), averaged: version % 2 === 0 };
}

/**
 * Whole steps behind the weights that training step `step` is computed on: `delay` fewer than behind its own beginning, and at least those
 * before its epoch. So each epoch begins with what the one before it, and its validation, ended with.
 */
export function weightsStep(step: number, stepsPerEpoch: number, delay: number): number {
  return Math.max(step - (step % stepsPerEpoch), step - delay);
}

/** How many versions older than the newest ones the weights of a task may be. */
export function versionsBack(averages: boolean, delay: number): number {
  return weightsVersion(averages, 'train', delay) - weightsVersion(averages, 'train', 0);
}
