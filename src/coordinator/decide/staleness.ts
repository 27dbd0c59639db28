import type { Mode } from '../../protocol/index.js';
import { meaningOf, weightsStep, weightsVersion } from '../weights-version.js';
import { type Action, report } from './actions.js';
import { type CoordinatorState, type RunPlan, readyWorkers, stepsPerEpoch } from './state.js';

/** Whether gradients are applied in the order in which they come. A validation has weights of its own, in every mode. */
export const isAsynchronous = (plan: Pick<RunPlan, 'staleness'>, mode: Mode): boolean =>
  plan.staleness !== null && mode === 'train';

/** Of the parameters that the next gradient is applied to. */
export const newestVersion = ({ plan, position }: CoordinatorState): number =>
  weightsVersion(plan.averages, 'train', position.step);

/**
 * The oldest weights that a task which is sent now may be computed on. Half of the bound is left for the time until its result is back. Never
 * those before the epoch: its validation is over, and a worker that still has only the averaged weights of it waits for the others.
 */
export function oldestUseful({ plan, position }: CoordinatorState): number {
  const half = Math.floor((plan.staleness ?? 0) / 2);
  return weightsVersion(plan.averages, 'train', weightsStep(position.step, stepsPerEpoch(plan), half));
}

/**
 * Updates that a gradient on these weights misses when its turn comes: those since, and those of gradients that are in and not applied yet.
 * `pending`: how many those are. NaN for weights that nobody may train on.
 */
export function stalenessOf({ plan, position }: CoordinatorState, version: number, pending: number): number {
  const { step, averaged } = meaningOf(plan.averages, version);
  const isOurs = step <= position.step && !(plan.averages && averaged);
  return isOurs ? position.step + pending - step : Number.NaN;
}

/** Training steps that are in flight at once: as many as workers take, which is one more than they have threads, so that nobody waits. */
export const inFlight = (state: CoordinatorState): number =>
  readyWorkers(state).reduce((sum, { threads }) => sum + threads + 1, 0);

/** A line where the bound is too tight for the workers that are there, so that much of what they compute is thrown away. */
export function tightBound(state: CoordinatorState): Action[] {
  const { staleness } = state.plan;
  const usual = inFlight(state) - 1;
  if (staleness === null || usual <= staleness) return [];
  const line = `With ${usual + 1} steps in flight a gradient misses ${usual} updates, but at most ${staleness} are allowed: much will be computed again. In another run take --staleness ${usual} or more, or fewer threads.`;
  return [report('warn', line)];
}
