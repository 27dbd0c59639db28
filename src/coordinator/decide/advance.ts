import { aheadAfter } from '../ahead.js';
import { verdictOn } from '../loss-trend.js';
import { chain, type Decision, decision, type FailCause } from './actions.js';
import type { CoordinatorEvent } from './events.js';
import { isWhole } from './fronts.js';
import { openEvaluation, openTraining } from './opening.js';
import { askForSums, isSummed } from './reduction.js';
import { isAsynchronous } from './staleness.js';
import {
  type CoordinatorState,
  epochIsOver,
  rangesAreHeld,
  readyWorkers,
  stepsPerEpoch,
  totalSteps,
} from './state.js';

/** Starts whatever comes next, if somebody is there to do it and what is under way leaves room. */
export function advance(state: CoordinatorState, nowMs: number): Decision {
  const { plan, position, phase, fronts } = state;
  if (phase !== 'working' || fronts[0]?.mode === 'evaluate') return decision(state);
  if (state.outcome === 'stopped') return end(state, 'stopped');
  const isOver = epochIsOver(state);
  if (isOver && plan.validationSamples === 0) {
    const epoch = position.recordedEpochs;
    return decision({ ...state, phase: 'performing' }, { type: 'record_epoch', epoch, validated: false });
  }
  if (!isOver && (position.step >= totalSteps(plan) || state.exhausted)) return end(state, 'finished');
  // Whole already may be what had to wait for the step before it.
  if (readyWorkers(state).length === 0 || state.link.type === 'down') return closeIfWhole(state);
  // What would be computed now could not be summed.
  if (!isOver && !rangesAreHeld(state)) return closeIfWhole(state);
  const opened = isOver ? openEvaluation(state, nowMs) : openTraining(state, nowMs);
  return chain(opened, closeIfWhole);
}

/** Once every block of every pass of the oldest front is in, and summed, or of any in asynchronous training: on to the optimizer, or to the history. */
export function closeIfWhole(state: CoordinatorState): Decision {
  return chain(askForSums(state), closeOldest);
}

function closeOldest(state: CoordinatorState): Decision {
  const { plan } = state;
  const front = plan.staleness === null ? state.fronts[0] : state.fronts.find(isWhole);
  if (state.phase !== 'working' || front === undefined) return decision(state);
  if (!isWhole(front) || !isSummed(state, front)) return decision(state);
  const { mode, step } = front;
  // Of asynchronous training no twin is known: another one may rightly be of other weights.
  const knowsTwins = !isAsynchronous(plan, mode);
  const units = front.units.map(({ pass, node, accepted }) => ({
    pass,
    node,
    worker: accepted?.worker ?? '',
    hash: knowsTwins ? (accepted?.hash ?? '') : '',
  }));
  const closed: CoordinatorState = {
    ...state,
    fronts: state.fronts.filter((other) => other !== front),
    closed: [...state.closed, { mode, step, units }].slice(-1 - plan.delay),
    phase: 'performing',
  };
  if (mode === 'train') return decision(closed, { type: 'apply_step', step });
  const epoch = state.position.recordedEpochs;
  return decision(closed, { type: 'record_epoch', epoch, validated: true });
}

/** The last checkpoint first; what follows it is decided when that is on disk. */
export function end(state: CoordinatorState, outcome: 'finished' | 'stopped'): Decision {
  return requestCheckpoint({ ...state, phase: 'ending', fronts: [], outcome });
}

export function requestCheckpoint(state: CoordinatorState): Decision {
  const { checkpoint } = state;
  if (checkpoint.inFlight) return decision({ ...state, checkpoint: { ...checkpoint, wanted: true } });
  const inFlight = { ...checkpoint, inFlight: true, wanted: false };
  return decision({ ...state, checkpoint: inFlight }, { type: 'save_checkpoint' });
}

export function onCheckpointSaved(state: CoordinatorState, nowMs: number): Decision {
  const saved: CoordinatorState = {
    ...state,
    checkpoint: { ...state.checkpoint, inFlight: false, wanted: false, savedAtMs: nowMs },
  };
  const isEnding = saved.phase === 'ending';
  // It was wanted while the loss was still fine; the one that would be written now is not that one.
  if (state.checkpoint.wanted && (isEnding || !state.rising)) return requestCheckpoint(saved);
  if (!isEnding) return decision(saved);
  return decision({ ...saved, phase: 'ended' }, { type: saved.outcome === 'finished' ? 'finish' : 'leave' });
}

/**
 * A full disk does not stop the training: the next attempt comes when the next checkpoint is due. At the end there is no next
 * one: a finished run still has its model to write, which says all; one that was asked to stop has lost its last steps.
 */
export function onCheckpointFailed(state: CoordinatorState, reason: string, nowMs: number): Decision {
  const { checkpoint, phase, outcome, position } = state;
  const failed: CoordinatorState = {
    ...state,
    checkpoint: { ...checkpoint, inFlight: false, wanted: false, savedAtMs: nowMs },
  };
  if (phase !== 'ending') return decision(failed);
  // Begun before the end, it was not the last one.
  if (checkpoint.wanted) return requestCheckpoint(failed);
  const ended: CoordinatorState = { ...failed, phase: 'ended' };
  if (outcome === 'finished') return decision(ended, { type: 'finish' });
  return decision(ended, { type: 'fail', cause: { type: 'unsaved', step: position.step, reason } });
}

export function onStepApplied(
  state: CoordinatorState,
  { step, finite, trend }: Extract<CoordinatorEvent, { type: 'step_applied' }>,
  nowMs: number,
): Decision {
  if (state.phase !== 'performing') return decision(state);
  if (!finite) {
    const cause: FailCause = { type: 'not_finite', step, workers: [] };
    return decision({ ...state, phase: 'ended' }, { type: 'fail', cause });
  }
  const verdict = trend === undefined ? 'fine' : verdictOn(trend);
  if (trend !== undefined && verdict === 'diverged') {
    const cause: FailCause = { type: 'diverged', step, mean: trend.mean, best: trend.best ?? trend.mean };
    return decision({ ...state, phase: 'ended' }, { type: 'fail', cause });
  }
  const { plan, checkpoint } = state;
  const { step: done, ahead } = state.position;
  const position = { ...state.position, step: done + 1, ahead: aheadAfter(done, ahead, step) };
  const rising = verdict === 'rising';
  const next: CoordinatorState = { ...state, phase: 'working', position, rising };
  const due = !rising && nowMs - checkpoint.savedAtMs >= plan.checkpointEveryMs && !checkpoint.inFlight;
  const endsEpoch = position.step % stepsPerEpoch(plan) === 0; // Then one is due anyway, after the validation.
  return chain(due && !endsEpoch ? requestCheckpoint(next) : decision(next), (s) => advance(s, nowMs));
}

export function onEpochRecorded(
  state: CoordinatorState,
  { epoch, exhausted = false }: Extract<CoordinatorEvent, { type: 'epoch_recorded' }>,
  nowMs: number,
): Decision {
  if (state.phase !== 'performing') return decision(state);
  const { plan } = state;
  const position = { ...state.position, recordedEpochs: epoch + 1 };
  const next: CoordinatorState = { ...state, phase: 'working', position, exhausted };
  if (position.step >= totalSteps(plan) || exhausted || state.rising) return advance(next, nowMs);
  return chain(requestCheckpoint(next), (s) => advance(s, nowMs));
}
