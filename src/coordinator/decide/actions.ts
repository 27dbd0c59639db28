import type { Mode } from '../../protocol/index.js';
import type { CoordinatorState, Failure } from './state.js';

/** Why a result was not accepted; also the label of `onko_rejects_total`. */
export const rejectReasons = [
  'wrong_run',
  'stale_fence',
  'stale_step',
  'wrong_version',
  'unknown_node',
  'overlapping',
  'duplicate',
  'wrong_length',
  'not_finite',
  'expelled',
  'too_stale',
] as const;
export type RejectReason = (typeof rejectReasons)[number];

/** Why a task is published. */
export const dispatchCauses = [
  'first',
  'death',
  'goodbye',
  'slow',
  'failed',
  'link',
  'expelled',
  'audit',
  'stale',
  'segment',
] as const;
export type DispatchCause = (typeof dispatchCauses)[number];

/** Names one block of one front. */
export interface UnitKey {
  mode: Mode;
  step: number;
  pass: number;
  node: number;
}

/** What came of computing a block twice. `skipped`: there was nobody to compare with. */
export type AuditOutcome = 'agreed' | 'mismatch' | 'disputed' | 'skipped';

export type FailCause =
  | { type: 'quarantine'; unit: UnitKey; failures: Failure[] }
  | { type: 'not_finite'; step: number; workers: string[] }
  /** Two workers give different results, and nobody else is there to say which one is right. */
  | { type: 'disputed'; unit: UnitKey; workers: string[]; waitedMs: number }
  /** Stopped on demand, but the last steps are not on disk. */
  | { type: 'unsaved'; step: number; reason: string }
  | { type: 'diverged'; step: number; mean: number; best: number }
  /** `rangesFree`: ranges that have no reducer. */
  | { type: 'no_workers'; waitedMs: number; ready: number; needed: number; rangesFree: number };

/** Everything a coordinator can do; the performer does it in this order. */
export type Action =
  | { type: 'announce' }
  | { type: 'offer'; worker: string }
  | { type: 'refuse'; worker: string; reason: string }
  | { type: 'offer_range'; reducer: string; range: number }
  | { type: 'refuse_reducer'; reducer: string; reason: string }
  /** Sum the accepted blocks of a step, in this range. */
  | { type: 'fold_range'; reducer: string; range: number; step: number; attempt: number }
  /** Put the sum that the event brought in its place. */
  | { type: 'take_range'; step: number; range: number }
  | { type: 'send_weights'; worker: string; version: number }
  | { type: 'broadcast_weights'; version: number }
  | { type: 'purge_tasks' }
  /** A new front: forget the sums of the one before. */
  | { type: 'open_front'; mode: Mode; step: number; passes: number }
  | ({ type: 'publish_task'; weightsVersion: number; attempt: number; cause: DispatchCause } & UnitKey)
  /** The same block once more, to this worker and nobody else. */
  | ({ type: 'ask'; worker: string; weightsVersion: number; attempt: number; cause: DispatchCause } & UnitKey)
  /** Fold the result that the event brought. `tookMs`: from publishing to result; `staleness`: updates that an asynchronous gradient misses. */
  | ({ type: 'accept'; tookMs: number; staleness?: number } & UnitKey)
  /** Fold a block that has no samples: a zero. */
  | ({ type: 'accept_empty' } & UnitKey)
  /** It was accepted, and is computed once more. */
  | ({ type: 'forget' } & UnitKey)
  | { type: 'reject'; reason: RejectReason; worker: string }
  /** A second result for the same block has other bits: somebody computes wrongly. */
  | { type: 'alarm'; unit: UnitKey; workers: [first: string, second: string] }
  | { type: 'audited'; unit: UnitKey; outcome: AuditOutcome; line: string | null }
  /** It has been refused and is not taken back. */
  | { type: 'expelled'; worker: string; line: string }
  | { type: 'apply_step'; step: number }
  /** The epoch (from 0) is over; `validated` if an evaluation was folded for it. */
  | { type: 'record_epoch'; epoch: number; validated: boolean }
  | { type: 'save_checkpoint' }
  | { type: 'answer_status'; observer: string }
  | { type: 'serve_block'; worker: string; block: number; hash: string }
  | { type: 'quarantine'; unit: UnitKey; reason: string }
  | { type: 'report'; level: 'info' | 'warn'; line: string; waiting: boolean }
  /** All epochs are recorded and on disk: write the model, tell the workers, leave. */
  | { type: 'finish' }
  /** Stopped at a whole step that is on disk: tell the workers, leave. */
  | { type: 'leave' }
  | { type: 'fail'; cause: FailCause };

export interface Decision {
  state: CoordinatorState;
  actions: Action[];
}

export function decision(state: CoordinatorState, ...actions: Action[]): Decision {
  return { state, actions };
}

/** Goes on deciding from where `before` ended. */
export function chain(before: Decision, next: (state: CoordinatorState) => Decision): Decision {
  const after = next(before.state);
  return { state: after.state, actions: [...before.actions, ...after.actions] };
}

export function report(level: 'info' | 'warn', line: string, waiting = false): Action {
  return { type: 'report', level, line, waiting };
}
