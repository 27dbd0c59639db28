import type { BlockTimes } from './block-times.js';
import type { UnitKey } from './decide/actions.js';
import type { Span, TimedStep } from './step-timeline.js';

/** What a trace shows of a run. */
export interface RunTrace {
  step(timed: TimedStep): void;
  block(worker: string, thread: number, unit: UnitKey, times: BlockTimes): void;
  checkpoint(span: Span, sizeBytes: number): void;
}
