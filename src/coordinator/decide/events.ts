import type {
  BlockRequest,
  Goodbye,
  Heartbeat,
  Hello,
  RangeHeld,
  RangeReleased,
  RangeSum,
  Ready,
  ReducerHello,
  Result,
  StatusRequest,
  TaskFailed,
} from '../../protocol/index.js';

import type { LossTrend } from '../loss-trend.js';

/** A result without its tensor. */
export interface ResultHeader
  extends Pick<
    Result,
    'run' | 'fence' | 'step' | 'pass' | 'weightsVersion' | 'node' | 'mode' | 'worker' | 'samples'
  > {
  /** f32 values in the gradient. */
  gradientLength: number;
  confusionLength: number;
  /** What is wrong with the gradient, where its length does not say so. */
  fault?: string;
  /** Whether the loss and every value of the gradient is finite. */
  finite: boolean;
  /** Fingerprint of gradient, loss and hits; without the gradient where it depends on what its worker has sent before. */
  hash: string;
}

/** The sum of a range, without its tensor. */
export interface RangeSumHeader
  extends Pick<
    RangeSum,
    'run' | 'fence' | 'reducer' | 'range' | 'step' | 'attempt' | 'missing' | 'faults' | 'senders'
  > {
  /** Whether it has as many values as the range. */
  fits: boolean;
}

/** Everything that can happen to a coordinator. */
export type CoordinatorEvent =
  /** The link is open and the performer ready: fresh or from a checkpoint. */
  | { type: 'started' }
  | { type: 'link_up' }
  | { type: 'link_down'; reason: string }
  | { type: 'link_blocked'; reason: string }
  | { type: 'link_unblocked' }
  | {
      type: 'message';
      message:
        | Hello
        | Ready
        | Heartbeat
        | TaskFailed
        | Goodbye
        | BlockRequest
        | StatusRequest
        | ReducerHello
        | RangeHeld
        | RangeReleased;
    }
  | { type: 'result'; header: ResultHeader }
  | { type: 'range_sum'; header: RangeSumHeader }
  /** What was sent to it did not find its queue. */
  | { type: 'reducer_gone'; reducer: string }
  | { type: 'tick' }
  /** The optimizer has made version `step + 1`; `finite` says whether its parameters are numbers, `trend` where the loss is going. */
  | { type: 'step_applied'; step: number; finite: boolean; trend?: LossTrend }
  | {
      type: 'epoch_recorded';
      epoch: number;
      /** The validation has not become better for as long as the run has patience. */
      exhausted?: boolean;
    }
  | { type: 'checkpoint_saved' }
  /** The disk refused; the checkpoints before are as they were. */
  | { type: 'checkpoint_failed'; reason: string }
  | { type: 'stop_requested' };
