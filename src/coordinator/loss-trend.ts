/** Where the loss is going: a function of the losses by step alone, so every cluster and every resumed run sees the same. */
export interface LossTrend {
  steps: number;
  /** Running mean of the loss of a step, nats per sample, over about `window` steps. */
  mean: number;
  /** The lowest that the mean has been since it is one; null in the first steps. */
  best: number | null;
  /** Steps in a row in which the mean was above the factor times its best. */
  above: number;
}

/** Steps that the mean goes over, and for which it must stay high before the training counts as diverged. */
export const window = 32;

export const noTrend: LossTrend = { steps: 0, mean: 0, best: null, above: 0 };

/** The trend after one more step. The mean of the first steps is a plain one; then each new loss counts 1/window. */
export function observeLoss(before: LossTrend, loss: number, factor: number | null): LossTrend {
  const steps = before.steps + 1;
  const mean = before.mean + (loss - before.mean) / Math.min(steps, window);
  const best = steps < window ? null : Math.min(before.best ?? mean, mean);
  const isHigh = factor !== null && best !== null && mean > factor * best;
  return { steps, mean, best, above: isHigh ? before.above + 1 : 0 };
}

/** `rising`: too high, but not for long enough. No checkpoint is written then, so that the last one is from before. */
export function verdictOn(trend: LossTrend): 'fine' | 'rising' | 'diverged' {
  if (trend.above === 0) return 'fine';
  return trend.above < window ? 'rising' : 'diverged';
}
