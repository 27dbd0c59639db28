import type { Calibration } from './calibration.js';
import type { Evaluation } from './evaluate.js';

/** The figures of an evaluation as an aligned table, with the definitions that a reader may doubt. */
export function formatScores(evaluation: Evaluation): string {
  const rows = evaluation.perClass.map((score) => [
    score.name,
    score.precision.toFixed(4),
    score.recall.toFixed(4),
    score.f1.toFixed(4),
    String(score.support),
  ]);
  return [
    `accuracy  ${(100 * evaluation.accuracy).toFixed(2)} %  (${evaluation.correct} of ${evaluation.samples})`,
    `macro F1  ${evaluation.macroF1.toFixed(4)}  (mean over the classes that occur; 0/0 counts as 0)`,
    `loss      ${evaluation.loss.toFixed(4)}  (mean cross-entropy, nats)`,
    '',
    ...alignColumns([['class', 'precision', 'recall', 'F1', 'support'], ...rows]),
  ].join('\n');
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** How far confidences are from how often guesses are right, and how far they were before the temperature; `own` is null without one. */
export function formatCalibration(
  { ece, confidence }: Calibration,
  own: Calibration | null,
  temperature: number,
): string {
  const before = own === null ? '' : ` at temperature ${temperature}; ${percent(own.ece)} without it`;
  return `calibration error ${percent(ece)}${before}  (ten bins; mean confidence ${percent(confidence)})`;
}

/** Truth downwards, guess across; a dot stands for zero, so that the mistakes are what one sees. */
export function formatConfusion(confusion: Uint32Array, classes: readonly string[]): string {
  const k = classes.length;
  const rows = classes.map((name, truth) => [
    name,
    ...Array.from(confusion.subarray(truth * k, (truth + 1) * k), (count) =>
      count === 0 ? '·' : String(count),
    ),
  ]);
  return [
    'confusion matrix (rows: what it is, columns: what it was taken for)',
    ...alignColumns([['', ...classes], ...rows]),
  ].join('\n');
}

/** First column to the left, the others to the right, two spaces between. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
