import { placeBlock } from './block-times.js';
import type { UnitKey } from './decide/actions.js';
import type { FrontKey } from './decide/fronts.js';
import type { CoordinatorMetrics } from './metrics.js';
import { createStepTimeline, type StepTimeline, stepPhases, type TimedStep } from './step-timeline.js';
import type { ArrivedResult } from './step-work.js';
import type { RunTrace } from './trace.js';
import { createWorkerClocks } from './worker-clock.js';

/** Takes the times of a run, once: metrics and trace are two views of them. */
export interface Recorder {
  /** For those who know what they spend time on. */
  readonly timeline: StepTimeline;
  opened(front: FrontKey): void;
  /** Does it, and takes its time, which is that of the fronts that work with these weights. */
  broadcasting(fronts: readonly FrontKey[], broadcast: () => Promise<void>): Promise<void>;
  /** The block is on its way out, now. */
  published(unit: UnitKey): void;
  accepted(unit: UnitKey, arrived: ArrivedResult): void;
  /** The step or validation is over, since `atMs`. */
  closed(front: FrontKey, atMs: number): void;
  joined(worker: string): void;
  left(worker: string, cause: string): void;
  /** A checkpoint that was begun at `startMs` is on disk. */
  checkpointSaved(startMs: number, sizeBytes: number): void;
}

/** `trace`: null for a run that is not traced. `onTimed` is told of every step and validation that is over. */
export function createRecorder(
  metrics: CoordinatorMetrics,
  trace: RunTrace | null,
  now: () => number,
  onTimed: (step: TimedStep) => void = () => undefined,
): Recorder {
  const timeline = createStepTimeline();
  const clocks = createWorkerClocks();
  /** When each block of an open front was sent, by pass and node: the first time and the last. */
  const sendings = new Map<string, Map<string, { firstMs: number; lastMs: number }>>();
  return {
    timeline,
    opened(front) {
      sendings.set(nameOf(front), new Map());
      timeline.open(front, now());
    },
    published(unit) {
      const nowMs = now();
      const ofFront = sendings.get(nameOf(unit));
      const firstMs = ofFront?.get(sendingOf(unit))?.firstMs ?? nowMs;
      ofFront?.set(sendingOf(unit), { firstMs, lastMs: nowMs });
    },
    async broadcasting(fronts, broadcast) {
      const startMs = now();
      await broadcast();
      const endMs = now();
      for (const front of fronts) timeline.add(front, 'broadcast', { startMs, endMs });
    },
    accepted(unit, { result, arrivedMs }) {
      const { worker, samples, computeMs, takenAtMs, sentAtMs } = result;
      metrics.perWorker.accepted(worker, samples, computeMs);
      const sent = sendings.get(nameOf(unit))?.get(sendingOf(unit));
      const { firstMs, lastMs } = sent ?? { firstMs: arrivedMs, lastMs: arrivedMs };
      // Of a block that was sent again, the answer to the first time may come a moment later.
      const isLate = firstMs < lastMs && takenAtMs + clocks.offsetMs(worker) < lastMs;
      const publishedMs = isLate ? firstMs : lastMs;
      clocks.heard(worker, { publishedMs, takenAtMs, sentAtMs, arrivedMs });
      const times = placeBlock(result, clocks.offsetMs(worker), { startMs: publishedMs, endMs: arrivedMs });
      timeline.add(unit, 'compute', times.computing);
      trace?.block(worker, result, unit, times);
    },
    closed(front, atMs) {
      sendings.delete(nameOf(front));
      const timed = timeline.close(front, atMs);
      if (timed === null) return;
      trace?.step(timed);
      onTimed(timed);
      if (timed.mode !== 'train') return;
      metrics.stepSeconds.observe((timed.endMs - timed.startMs) / 1000);
      for (const phase of stepPhases) metrics.phaseSeconds.observe({ phase }, timed.phases[phase] / 1000);
    },
    joined: (worker) => trace?.moment(worker, 'joined', now()),
    left(worker, cause) {
      clocks.forget(worker);
      trace?.moment(worker, `left: ${cause}`, now());
      trace?.left(worker);
    },
    checkpointSaved(startMs, sizeBytes) {
      const endMs = now();
      metrics.checkpointSeconds.observe((endMs - startMs) / 1000);
      metrics.checkpointSize.set(sizeBytes);
      trace?.checkpoint({ startMs, endMs }, sizeBytes);
    },
  };
}

const nameOf = ({ mode, step }: FrontKey): string => `${mode}/${step}`;
const sendingOf = ({ pass, node }: UnitKey): string => `${pass}/${node}`;
