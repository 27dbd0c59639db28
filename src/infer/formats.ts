import { compareText, predictionHead, predictionRow } from './csv.js';
import type { Prediction } from './rank.js';

export type OutputFormat = 'csv' | 'json' | 'ndjson';

/** A file that could not be classified. */
export interface Rejected {
  filename: string;
  reason: string;
}

export type Outcome = Prediction | Rejected;

/** Predictions as text, piece by piece, so that a long stream is never held as a whole. */
export interface Encoder {
  head(): string;
  rows(outcomes: readonly Outcome[]): string;
  tail(): string;
}

/**
 * csv: a table of the predictions; the rejects have no place in it. ndjson: an object for each file, one a line. json: an array of the
 * same objects. In JSON the probabilities have all their digits.
 *
 * @param top classes per image: as many as the predictions have
 */
export function createEncoder(format: OutputFormat, top: number): Encoder {
  return encoders[format](top);
}

const encoders: Record<OutputFormat, (top: number) => Encoder> = {
  csv: (top) => ({
    head: () => predictionHead(top),
    rows: (outcomes) =>
      outcomes.map((outcome) => ('reason' in outcome ? '' : predictionRow(outcome))).join(''),
    tail: () => '',
  }),
  ndjson: (top) => ({
    head: () => '',
    rows: (outcomes) => outcomes.map((outcome) => `${objectOf(outcome, top)}\n`).join(''),
    tail: () => '',
  }),
  json: (top) => {
    let written = 0;
    return {
      head: () => '[',
      rows: (outcomes) =>
        outcomes.map((outcome) => `${written++ === 0 ? '' : ','}\n  ${objectOf(outcome, top)}`).join(''),
      tail: () => '\n]\n',
    };
  },
};

/** Everything at once, by file name. */
export function encodeSorted(outcomes: readonly Outcome[], format: OutputFormat, top: number): string {
  const encoder = createEncoder(format, top);
  const sorted = outcomes.toSorted((a, b) => compareText(a.filename, b.filename));
  return encoder.head() + encoder.rows(sorted) + encoder.tail();
}

function objectOf(outcome: Outcome, top: number): string {
  if ('reason' in outcome) return JSON.stringify({ filename: outcome.filename, reason: outcome.reason });
  const { filename, digit, confidence, others } = outcome;
  const all = top === 1 ? {} : { top: [{ digit, confidence }, ...others] };
  return JSON.stringify({ filename, digit, confidence, ...all });
}
