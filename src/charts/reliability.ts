import type { TopLevelSpec } from 'vega-lite';
import { chartConfig, palette, renderSpec } from './picture.js';
import { type Chart, ChartError } from './types.js';

/** Guesses of about the same confidence: shares 0…1. */
export interface ReliabilityBin {
  from: number;
  to: number;
  count: number;
  confidence: number;
  accuracy: number;
}

/**
 * Reliability diagram: for each range of confidence how often the guesses are right, and the diagonal where they should be.
 * @param ece expected calibration error, 0…1
 * @throws ChartError without bins
 */
export async function renderReliability(bins: readonly ReliabilityBin[], ece: number): Promise<Chart> {
  if (bins.length === 0) throw new ChartError('A reliability diagram needs at least one bin.');
  const some = bins.filter((bin) => bin.count > 0);
  const most = Math.max(...some.map((bin) => bin.count), 1);
  const values = some.map((bin) => ({ ...bin, weight: 0.25 + 0.75 * Math.sqrt(bin.count / most) }));
  const share = { domain: [0, 1], nice: false };
  const percent = { format: '.0%', domain: false, ticks: false };
  const spec: TopLevelSpec = {
    width: 380,
    height: 380,
    // Fixed margins: Vega guesses the width of text too wide and would leave a blank strip.
    autosize: { type: 'none' },
    padding: { left: 82, right: 34, top: 96, bottom: 64 },
    title: {
      text: 'Reliability of the confidences',
      subtitle: `expected calibration error ${(100 * ece).toFixed(2)} % · pale bars are of few images`,
    },
    data: { values },
    layer: [
      {
        mark: { type: 'rect', color: palette.blue, stroke: '#ffffff', strokeWidth: 2 },
        encoding: {
          x: {
            field: 'from',
            type: 'quantitative',
            scale: share,
            title: 'confidence of the guess',
            axis: { ...percent, grid: false },
          },
          x2: { field: 'to' },
          y: {
            field: 'accuracy',
            type: 'quantitative',
            scale: share,
            title: 'share that is right',
            axis: percent,
          },
          y2: { datum: 0 },
          opacity: { field: 'weight', type: 'quantitative', scale: null, legend: null },
        },
      },
      {
        data: { values: [{ at: 0 }, { at: 1 }] },
        mark: { type: 'line', color: palette.soft, strokeDash: [5, 4], strokeWidth: 1.5 },
        encoding: { x: { field: 'at', type: 'quantitative' }, y: { field: 'at', type: 'quantitative' } },
      },
      {
        mark: { type: 'rule', color: palette.vermillion, strokeWidth: 2 },
        encoding: {
          x: { field: 'confidence', type: 'quantitative' },
          y: { field: 'accuracy', type: 'quantitative' },
          y2: { field: 'confidence' },
        },
      },
      {
        mark: { type: 'point', filled: true, color: palette.vermillion, size: 40, opacity: 1 },
        encoding: {
          x: { field: 'confidence', type: 'quantitative' },
          y: { field: 'accuracy', type: 'quantitative' },
        },
      },
    ],
    config: chartConfig,
  };
  return renderSpec(spec);
}
