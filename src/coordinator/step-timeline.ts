import type { Mode } from '../protocol/index.js';

/** Where the time of a step goes; of those that go on at once, the first in this order has it. */
export const stepPhases = ['update', 'compute', 'sum', 'broadcast', 'queue'] as const;
export type StepPhase = (typeof stepPhases)[number];

/** Milliseconds of the coordinator's clock. */
export interface Span {
  startMs: number;
  endMs: number;
}

/** A step that is over, or a validation: the segments follow one another without a gap, from its start to its end. */
export interface TimedStep extends Span {
  mode: Mode;
  step: number;
  segments: (Span & { phase: StepPhase })[];
  /** Milliseconds; they add up to the step's. */
  phases: Record<StepPhase, number>;
}

/**
 * Takes the time of each step that is open, and says what it went on. Each moment belongs to one phase:
 * - `update`: the optimizer computes the next parameters
 * - `compute`: else, at least one worker computes a block of this step
 * - `sum`: else, the coordinator reads, checks and folds a result
 * - `broadcast`: else, the weights are on their way to the broker
 * - `queue`: else. Tasks, weights and results travel or wait, data blocks are fetched, or there is no worker
 */
export interface StepTimeline {
  /** One that is open already begins anew. */
  open(of: TimelineKey, atMs: number): void;
  /** Part of what a phase did; whatever lies outside of the step is cut off when it closes. Nothing for a step that is not open. */
  add(of: TimelineKey, phase: Exclude<StepPhase, 'queue'>, span: Span): void;
  /** Null if it is not open. */
  close(of: TimelineKey, atMs: number): TimedStep | null;
}

/** A step, or the validation after it. */
export type TimelineKey = Pick<TimedStep, 'mode' | 'step'>;

const nameOf = ({ mode, step }: TimelineKey): string => `${mode}/${step}`;

export function createStepTimeline(): StepTimeline {
  const opened = new Map<string, { startMs: number; spans: (Span & { phase: StepPhase })[] }>();
  return {
    open(of, atMs) {
      opened.set(nameOf(of), { startMs: atMs, spans: [] });
    },
    add(of, phase, { startMs, endMs }) {
      if (endMs > startMs) opened.get(nameOf(of))?.spans.push({ phase, startMs, endMs });
    },
    close(of, atMs) {
      const one = opened.get(nameOf(of));
      if (one === undefined) return null;
      const { startMs, spans } = one;
      const segments = segmentsOf(spans, { startMs, endMs: Math.max(startMs, atMs) });
      const phases = { update: 0, compute: 0, sum: 0, broadcast: 0, queue: 0 };
      for (const segment of segments) phases[segment.phase] += segment.endMs - segment.startMs;
      opened.delete(nameOf(of));
      const { mode, step } = of;
      return { mode, step, startMs, endMs: Math.max(startMs, atMs), segments, phases };
    },
  };
}

/** One sweep over the starts and ends: at each moment the first phase that is under way has it. */
function segmentsOf(spans: readonly (Span & { phase: StepPhase })[], whole: Span): TimedStep['segments'] {
  const marks = spans
    .flatMap(({ phase, startMs, endMs }) => [
      { atMs: startMs, phase, change: 1 },
      { atMs: endMs, phase, change: -1 },
    ])
    .toSorted((a, b) => a.atMs - b.atMs);
  const underWay = { update: 0, compute: 0, sum: 0, broadcast: 0, queue: 1 };
  const segments: TimedStep['segments'] = [];
  let fromMs = whole.startMs;
  const cut = (toMs: number): void => {
    if (toMs <= fromMs) return;
    const phase = stepPhases.find((one) => underWay[one] > 0) ?? 'queue';
    const last = segments.at(-1);
    if (last?.phase === phase) last.endMs = toMs;
    else segments.push({ phase, startMs: fromMs, endMs: toMs });
    fromMs = toMs;
  };
  for (const { atMs, phase, change } of marks) {
    cut(Math.min(atMs, whole.endMs));
    underWay[phase] += change;
  }
  cut(whole.endMs);
  return segments;
}
