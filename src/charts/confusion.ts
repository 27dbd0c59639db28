import type { TopLevelSpec } from 'vega-lite';
import { chartConfig, palette, renderSpec } from './picture.js';
import { type Chart, ChartError } from './types.js';

interface Cell {
  truth: string;
  guess: string;
  count: number;
  /** Share of the truth's row, 0…1. */
  share: number;
  right: boolean;
  label: string;
  pale: boolean;
}

/**
 * Heat map: rows truth, columns guess, counts in the cells. Right answers are blue, mistakes orange; the colour tells the
 * share of the row, for mistakes to the power 0.4, so that one in a hundred can be seen.
 * @param confusion [truth][guess], classes²
 * @throws ChartError if the lengths do not match
 */
export async function renderConfusion(confusion: Uint32Array, classes: readonly string[]): Promise<Chart> {
  const n = classes.length;
  if (n === 0 || confusion.length !== n * n) {
    throw new ChartError(`A confusion matrix of ${n} classes has ${n * n} counts, not ${confusion.length}.`);
  }
  const cells: Cell[] = [];
  const rows: { truth: string; label: string }[] = [];
  let right = 0;
  let total = 0;
  classes.forEach((truth, t) => {
    const row = confusion.subarray(t * n, (t + 1) * n);
    const sum = row.reduce((a, b) => a + b, 0);
    right += row[t];
    total += sum;
    rows.push({ truth, label: sum === 0 ? '–' : `${((100 * row[t]) / sum).toFixed(1)} %` });
    classes.forEach((guess, g) => {
      const count = row[g];
      const share = sum === 0 ? 0 : count / sum;
      const label = count === 0 ? '' : count.toLocaleString('en-GB');
      cells.push({
        truth,
        guess,
        count,
        share,
        right: t === g,
        label,
        pale: t === g ? share > 0.45 : share > 0.3,
      });
    });
  });
  const side = 48 * n;
  const spec: TopLevelSpec = {
    // Fixed margins: Vega guesses the width of text too wide and would leave a blank strip.
    autosize: { type: 'none' },
    padding: { left: 78, right: 92, top: 132, bottom: 30 },
    width: side,
    height: side,
    title: {
      text: 'Confusion matrix',
      subtitle:
        total === 0
          ? 'no answers'
          : `${right.toLocaleString('en-GB')} of ${total.toLocaleString('en-GB')} right (${((100 * right) / total).toFixed(2)} %) · counts; colour: share of the row`,
    },
    data: { values: cells },
    encoding: {
      y: axis('truth', 'truth (written digit)', classes, 'left'),
      x: axis('guess', 'guess (answer of the model)', classes, 'top'),
    },
    resolve: { scale: { fill: 'independent' } },
    layer: [
      heat('datum.right', 'linear', ['#eef4f9', '#9cc6e3', '#2b82bd', '#08426f']),
      heat('!datum.right', 'pow', ['#f7f7f8', '#fbd9b5', '#ee9750', '#a63c00']),
      {
        transform: [{ filter: 'datum.count > 0' }],
        mark: { type: 'text', fontSize: 13 },
        encoding: {
          text: { field: 'label', type: 'nominal' },
          color: { condition: { test: 'datum.pale', value: '#ffffff' }, value: palette.ink },
        },
      },
      {
        data: { values: rows },
        mark: { type: 'text', align: 'right', fontSize: 12, color: palette.soft },
        encoding: { x: { value: side + 58 }, text: { field: 'label', type: 'nominal' } },
      },
      {
        data: { values: [{ label: 'recall' }] },
        mark: { type: 'text', align: 'right', fontSize: 12, color: palette.soft },
        encoding: { x: { value: side + 58 }, y: { value: -13 }, text: { field: 'label', type: 'nominal' } },
      },
    ],
    config: chartConfig,
  };
  return renderSpec(spec);
}

function axis(field: 'truth' | 'guess', title: string, classes: readonly string[], orient: 'left' | 'top') {
  return {
    field,
    type: 'ordinal',
    sort: [...classes],
    title,
    scale: { paddingInner: 0.05, paddingOuter: 0.025 },
    axis: { orient, labelAngle: 0, labelFontSize: 15, labelColor: palette.ink, domain: false, ticks: false },
  } as const;
}

/** A layer of coloured cells: those that pass the filter. */
function heat(filter: string, type: 'linear' | 'pow', range: string[]) {
  const mark = { type: 'rect' as const, cornerRadius: 3 };
  const scale = {
    type,
    ...(type === 'pow' ? { exponent: 0.4 } : {}),
    domain: [0, 1],
    range,
    interpolate: 'lab' as const,
  };
  return {
    transform: [{ filter }],
    mark,
    encoding: { fill: { field: 'share', type: 'quantitative' as const, scale, legend: null } },
  };
}
