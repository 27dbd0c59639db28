import type { TopLevelSpec } from 'vega-lite';
import { chartConfig, palette, renderSpec } from './picture.js';
import { type Chart, ChartError, type EpochPoint } from './types.js';

type Series = 'training' | 'validation';
interface CurvePoint {
  epoch: number;
  series: Series;
  value: number;
}

const panel = { width: 420, height: 300 };

/**
 * Loss and accuracy over the epochs, training beside validation. Epochs without validation, and values that are not
 * finite, leave a gap.
 * @throws ChartError without any epoch
 */
export async function renderCurves(history: readonly EpochPoint[]): Promise<Chart> {
  if (history.length === 0) throw new ChartError('Learning curves need at least one epoch.');
  const loss = curve(history, (row) => [row.trainLoss, row.validationLoss]);
  const accuracy = curve(history, (row) => [
    100 * row.trainAccuracy,
    row.validationAccuracy === null ? null : 100 * row.validationAccuracy,
  ]);
  const series: Series[] = loss.some((p) => p.series === 'validation')
    ? ['training', 'validation']
    : ['training'];
  const spec: TopLevelSpec = {
    padding: { left: 28, right: 32, top: 26, bottom: 22 },
    title: { text: 'Learning curves', subtitle: summary(history) },
    spacing: 56,
    hconcat: [
      curvePanel('Loss', 'mean cross-entropy (nats)', loss, series, { low: 0, format: '.3~f' }),
      curvePanel('Accuracy', 'correct answers (%)', accuracy, series, { high: 100, format: '.4~f' }),
    ],
    config: {
      ...chartConfig,
      concat: { spacing: 56 },
      legend: {
        orient: 'top',
        direction: 'horizontal',
        title: null,
        labelFontSize: 13,
        labelColor: palette.ink,
        symbolType: 'stroke',
        symbolSize: 500,
        symbolStrokeWidth: 2.4,
        columnPadding: 24,
        offset: 14,
      },
    },
  };
  return renderSpec(spec);
}

function curve(
  history: readonly EpochPoint[],
  read: (row: EpochPoint) => [number | null, number | null],
): CurvePoint[] {
  return history.flatMap((row) => {
    const [training, validation] = read(row);
    const points: CurvePoint[] = [];
    if (training !== null && Number.isFinite(training)) {
      points.push({ epoch: row.epoch, series: 'training', value: training });
    }
    if (validation !== null && Number.isFinite(validation)) {
      points.push({ epoch: row.epoch, series: 'validation', value: validation });
    }
    return points;
  });
}

function curvePanel(
  title: string,
  unit: string,
  points: CurvePoint[],
  series: Series[],
  range: { low?: number; high?: number; format: string },
) {
  const epochs = points.map((p) => p.epoch);
  const first = Math.min(...epochs);
  const last = Math.max(...epochs);
  const dots = last - first <= 40;
  return {
    ...panel,
    title: { text: title, fontSize: 14, offset: 4 },
    data: { values: points },
    mark: {
      type: 'line',
      strokeWidth: 2.4,
      strokeJoin: 'round',
      point: dots ? { size: 34, filled: true } : false,
    },
    encoding: {
      x: {
        field: 'epoch',
        type: 'quantitative',
        title: 'epoch',
        scale: { domain: first === last ? [first - 1, last + 1] : [first, last], nice: false, padding: 8 },
        axis: { values: wholeTicks(first, last), format: 'd', grid: false },
      },
      y: {
        field: 'value',
        type: 'quantitative',
        title: unit,
        scale: {
          zero: false,
          nice: true,
          ...(range.low === undefined ? {} : { domainMin: range.low }),
          ...(range.high === undefined ? {} : { domainMax: range.high }),
        },
        axis: { tickCount: 6, format: range.format, domain: false, ticks: false },
      },
      color: {
        field: 'series',
        type: 'nominal',
        scale: {
          domain: series,
          range: series.map((s) => (s === 'training' ? palette.blue : palette.vermillion)),
        },
      },
      // Told apart without colour, too.
      strokeDash: {
        field: 'series',
        type: 'nominal',
        scale: { domain: series, range: series.map((s) => (s === 'training' ? [1, 0] : [7, 4])) },
      },
    },
  } as const;
}

/** Whole epochs, about ten of them. */
function wholeTicks(first: number, last: number): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((s) => (last - first) / s <= 10) ?? 1000;
  const ticks = [];
  for (let t = Math.ceil(first / step) * step; t <= last; t += step) ticks.push(t);
  return ticks;
}

function summary(history: readonly EpochPoint[]): string {
  const best = history
    .filter((row) => row.validationAccuracy !== null && Number.isFinite(row.validationAccuracy))
    .toSorted((a, b) => (b.validationAccuracy ?? 0) - (a.validationAccuracy ?? 0))[0];
  const epochs = history.length === 1 ? '1 epoch' : `${history.length} epochs`;
  if (best === undefined) {
    return `${epochs} · training accuracy ${percent(history[history.length - 1].trainAccuracy)} at the end`;
  }
  return `${epochs} · best validation accuracy ${percent(best.validationAccuracy ?? 0)} after epoch ${best.epoch}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
