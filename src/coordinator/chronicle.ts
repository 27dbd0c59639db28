import type { CheckpointMetadata } from './checkpoint.js';
import { addSums, noSums, type Sums } from './fold.js';
import type { HistoryRow } from './history.js';
import { type LossTrend, noTrend, observeLoss } from './loss-trend.js';

/** What a run has come to so far: the epochs that are over, and the sums of the one under way. */
export interface Chronicle {
  /** One whole step; the order of the calls fixes the bits of the epoch's loss. */
  addStep(sums: Sums): LossTrend;
  /** Of the loss, over all starts of the run. */
  trend(): LossTrend;
  /** Sums over the epoch that is not recorded yet. */
  epochSums(): Sums;
  /** Closes the epoch; `validation` null where there is none. */
  recordEpoch(o: { step: number; learningRate: number; validation: Sums | null }): HistoryRow;
  rows(): readonly HistoryRow[];
  /** The clock runs from the first work of this start on. */
  startClock(): void;
  /** Over all starts of the run. */
  seconds(): number;
  epochSeconds(): number;
}

type Restored = Pick<CheckpointMetadata, 'history' | 'epochSums' | 'epochSeconds' | 'seconds' | 'lossTrend'>;

/** `divergenceFactor`: how far above its best the mean loss may be; null for any. */
export function createChronicle(
  now: () => number,
  restored: Restored | null,
  divergenceFactor: number | null = null,
): Chronicle {
  const rows: HistoryRow[] = [...(restored?.history ?? [])];
  let trend: LossTrend = restored?.lossTrend ?? noTrend;
  let epochSums: Sums = restored?.epochSums ?? noSums;
  let before = { seconds: restored?.seconds ?? 0, epochSeconds: restored?.epochSeconds ?? 0 };
  let startedMs: number | null = null;
  let epochStartedMs = 0;
  const since = (fromMs: number): number => (startedMs === null ? 0 : (now() - fromMs) / 1000);
  const epochSeconds = (): number => before.epochSeconds + since(epochStartedMs);
  return {
    addStep(sums) {
      epochSums = addSums(epochSums, sums);
      trend = observeLoss(trend, sums.lossSum / sums.samples, divergenceFactor);
      return trend;
    },
    trend: () => trend,
    epochSums: () => epochSums,
    recordEpoch({ step, learningRate, validation }) {
      const { samples, lossSum, correct } = epochSums;
      const seconds = epochSeconds();
      const row: HistoryRow = {
        epoch: rows.length + 1,
        step,
        learningRate,
        trainLoss: lossSum / samples,
        trainAccuracy: correct / samples,
        validationLoss: validation === null ? null : validation.lossSum / validation.samples,
        validationAccuracy: validation === null ? null : validation.correct / validation.samples,
        seconds,
        imagesPerSecond: seconds > 0 ? samples / seconds : 0,
      };
      rows.push(row);
      epochSums = noSums;
      before = { ...before, epochSeconds: 0 };
      epochStartedMs = now();
      return row;
    },
    rows: () => rows,
    startClock() {
      if (startedMs !== null) return;
      startedMs = now();
      epochStartedMs = startedMs;
    },
    seconds: () => before.seconds + since(startedMs ?? 0),
    epochSeconds,
  };
}
