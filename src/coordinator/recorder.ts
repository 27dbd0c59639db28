import type { Mode } from '../protocol/index.js';
import { placeBlock } from './block-times.js';
import type { UnitKey } from './decide/actions.js';
import type { CoordinatorMetrics } from './metrics.js';
import { createStepTimeline, type StepTimeline, stepPhases } from './step-timeline.js';
import type { ArrivedResult } from './step-work.js';
import type { RunTrace } from './trace.js';
import { createWorkerClocks } from './worker-clock.js';

/** Takes the times of a run, once: metrics and trace are two views of them. */
export interface Recorder {
  /** For those who know what they spend time on. */
  readonly timeline: StepTimeline;
  opened(mode: Mode, step: number): void;
  /** Does it, and takes its time. */
  broadcasting(broadcast: () => Promise<void>): Promise<void>;
  /** The block is on its way out, now. */
  published(unit: UnitKey): void;
  accepted(unit: UnitKey, arrived: ArrivedResult): void;
  /** The step or validation is over. */
  closed(): void;
  joined(worker: string): void;
  left(worker: string, cause: string): void;
  /** A checkpoint that was begun at `startMs` is on disk. */
  checkpointSaved(startMs: number, sizeBytes: number): void;
}

/** `trace`: null for a run that is not traced. */
export function createRecorder(
  metrics: CoordinatorMetrics,
  trace: RunTrace | null,
  now: () => number,
): Recorder {
  const timeline = createStepTimeline();
  const clocks = createWorkerClocks();
  /** When each block of the open front was sent, by pass and node: the first time and the last. */
  const sendings = new Map<string, { firstMs: number; lastMs: number }>();
  return {
    timeline,
    opened(mode, step) {
      sendings.clear();
      timeline.open(mode, step, now());
    },
    published(unit) {
      const nowMs = now();
      const firstMs = sendings.get(sendingOf(unit))?.firstMs ?? nowMs;
      sendings.set(sendingOf(unit), { firstMs, lastMs: nowMs });
    },
    async broadcasting(broadcast) {
      const startMs = now();
      await broadcast();
      timeline.add('broadcast', { startMs, endMs: now() });
    },
    accepted(unit, { result, arrivedMs }) {
      const { worker, samples, computeMs, takenAtMs, sentAtMs } = result;
      metrics.perWorker.accepted(worker, samples, computeMs);
      const { firstMs, lastMs } = sendings.get(sendingOf(unit)) ?? { firstMs: arrivedMs, lastMs: arrivedMs };
      // Of a block that was sent again, the answer to the first time may come a moment later.
      const isLate = firstMs < lastMs && takenAtMs + clocks.offsetMs(worker) < lastMs;
      const publishedMs = isLate ? firstMs : lastMs;
      clocks.heard(worker, { publishedMs, takenAtMs, sentAtMs, arrivedMs });
      const times = placeBlock(result, clocks.offsetMs(worker), { startMs: publishedMs, endMs: arrivedMs });
      timeline.add('compute', times.computing);
      trace?.block(worker, result.thread, unit, times);
    },
    closed() {
      const timed = timeline.close(now());
      if (timed === null) return;
      trace?.step(timed);
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

const sendingOf = ({ pass, node }: UnitKey): string => `${pass}/${node}`;
