import { compareText, predictionHead, predictionRow } from './csv.js';
import type { Prediction } from './rank.js';

/** Those a person should look at. What is no number is below everything. */
export function doubtful(predictions: readonly Prediction[], below: number): Prediction[] {
  return predictions.filter(({ confidence }) => !(confidence >= below));
}

/** The table of predictions, but least certain first; of equals by file name. */
export function reviewCsv(predictions: readonly Prediction[], top: number): string {
  const sorted = predictions.toSorted(
    (a, b) => sureness(a) - sureness(b) || compareText(a.filename, b.filename),
  );
  return predictionHead(top) + sorted.map(predictionRow).join('');
}

function sureness({ confidence }: Prediction): number {
  return Number.isNaN(confidence) ? -1 : confidence;
}
