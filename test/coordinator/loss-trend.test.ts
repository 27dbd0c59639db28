import { describe, expect, it } from 'vitest';
import { type LossTrend, noTrend, observeLoss, verdictOn, window } from '../../src/coordinator/loss-trend.js';

/** Trend after these losses. */
function after(losses: number[], factor: number | null, from: LossTrend = noTrend): LossTrend {
  return losses.reduce((trend, loss) => observeLoss(trend, loss, factor), from);
}

/** Step (from 0) at which a training with these losses counts as diverged; null if it never does. */
function stopsAt(losses: number[], factor: number | null): number | null {
  let trend = noTrend;
  for (const [step, loss] of losses.entries()) {
    trend = observeLoss(trend, loss, factor);
    if (verdictOn(trend) === 'diverged') return step;
  }
  return null;
}

const falling = Array.from({ length: 200 }, (_, step) => 2.3 * 0.98 ** step);

describe('the trend of the loss', () => {
  it('is a plain mean at first, and has no best before it goes over a whole window', () => {
    expect(after([4, 2], 2)).toMatchObject({ steps: 2, mean: 3, best: null, above: 0 });
    expect(
      after(
        Array.from({ length: window }, () => 2),
        2,
      ),
    ).toMatchObject({ mean: 2, best: 2 });
  });

  it('stops a training whose loss stays high, and only then', () => {
    expect(stopsAt(falling, 2)).toBeNull();
    expect(stopsAt([...falling, ...Array.from({ length: 200 }, () => 2.3)], 2)).toBeGreaterThanOrEqual(
      200 + window - 1,
    );
    // A spike is none, and neither is the loss of the beginning, however high.
    expect(stopsAt([...falling, 9, ...falling.slice(150)], 2)).toBeNull();
    expect(stopsAt([...Array.from({ length: 20 }, () => 50), ...falling], 2)).toBeNull();
    expect(stopsAt([...falling, ...Array.from({ length: 200 }, () => 2.3)], null)).toBeNull();
  });

  it('rises first: then no checkpoint is written', () => {
    const high = after([...falling, ...Array.from({ length: 20 }, () => 5)], 2);
    expect(verdictOn(high)).toBe('rising');
    expect(verdictOn(after(falling.slice(-1), 2, high))).toBe('rising');
    expect(
      verdictOn(
        after(
          Array.from({ length: 300 }, () => 0.01),
          2,
          { ...high, above: 1 },
        ),
      ),
    ).toBe('fine');
  });

  it('goes on after a restart as if there had been none', () => {
    const losses = [...falling, 7, 8, 9];
    const whole = after(losses, 1.5);
    const saved: LossTrend = JSON.parse(JSON.stringify(after(losses.slice(0, 101), 1.5)));
    expect(after(losses.slice(101), 1.5, saved)).toEqual(whole);
  });
});
