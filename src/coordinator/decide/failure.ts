import type { Action, UnitKey } from './actions.js';
import { type CoordinatorState, type Failure, readyWorkers } from './state.js';

/** A block that fails again and again on the only worker there is stops the run, too. */
const failuresOnOneWorker = 3;
/** With others about, a worker that fails this often on one block is sent away: the block is theirs to try. */
const failuresBeforeRefusal = 2;

/**
 * What to do with a block after its latest failure: null to try again, else the actions that end the run.
 * Values that are not finite are blamed on the training and not on the samples.
 */
export function quarantine(state: CoordinatorState, unit: UnitKey, failures: Failure[]): Action[] | null {
  const workers = [...new Set(failures.map((failure) => failure.worker))];
  const limit = state.plan.patience.failuresToQuarantine;
  const notFinite = failures.filter((failure) => failure.how === 'not_finite');
  if (notFinite.length >= limit) {
    return [{ type: 'fail', cause: { type: 'not_finite', step: unit.step, workers } }];
  }
  const told = failures.filter((failure) => failure.how !== 'died').length;
  const isAlone = workers.length === 1 && !hasOthers(state, workers[0]);
  if (workers.length < limit && !(isAlone && told >= failuresOnOneWorker)) return null;
  const reason = failures.map(({ worker, reason: why }) => `${worker}: ${why.replace(/\.$/, '')}`).join('; ');
  return [
    { type: 'quarantine', unit, reason },
    { type: 'fail', cause: { type: 'quarantine', unit, failures } },
  ];
}

/** Whether the worker that just failed should be sent away, since it would only take the same block again. */
export function shouldRefuse(state: CoordinatorState, worker: string, failures: Failure[]): boolean {
  const own = failures.filter((failure) => failure.worker === worker && failure.how !== 'died').length;
  return own >= failuresBeforeRefusal && hasOthers(state, worker);
}

const hasOthers = (state: CoordinatorState, worker: string): boolean =>
  readyWorkers(state).some((entry) => entry.worker !== worker);
