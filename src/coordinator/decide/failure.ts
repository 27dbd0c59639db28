import type { Action, UnitKey } from './actions.js';
import type { Failure, RunPlan } from './state.js';

/** A block that fails again and again on the only worker there is stops the run, too. */
const failuresOnOneWorker = 3;

/**
 * What to do with a block after its latest failure: null to try again, else the actions that end the run.
 * Values that are not finite are blamed on the training and not on the samples.
 */
export function quarantine(plan: RunPlan, unit: UnitKey, failures: Failure[]): Action[] | null {
  const workers = [...new Set(failures.map((failure) => failure.worker))];
  const limit = plan.patience.failuresToQuarantine;
  const notFinite = failures.filter((failure) => failure.how === 'not_finite');
  if (notFinite.length >= limit) {
    return [{ type: 'fail', cause: { type: 'not_finite', step: unit.step, workers } }];
  }
  const told = failures.filter((failure) => failure.how !== 'died').length;
  if (workers.length < limit && told < failuresOnOneWorker) return null;
  const reason = failures.map((failure) => `${failure.worker}: ${failure.reason}`).join('; ');
  return [
    { type: 'quarantine', unit, reason },
    { type: 'fail', cause: { type: 'quarantine', unit, failures } },
  ];
}
