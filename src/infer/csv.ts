/** One CSV field as RFC 4180 has it: quoted where it holds a comma, a quote or a line break, inner quotes doubled. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export interface Prediction {
  filename: string;
  /** Name of the class with the largest probability. */
  digit: string;
  /** That probability, 0…1. */
  confidence: number;
}

/** `filename,digit,confidence`, one row per image, by file name in the order of UTF-16 code units: the same on every machine. */
export function predictionsCsv(predictions: readonly Prediction[]): string {
  const rows = predictions.toSorted((a, b) => compareText(a.filename, b.filename)).map(predictionRow);
  return [predictionHead, ...rows].join('');
}

/** The first line of every table of predictions. */
export const predictionHead = 'filename,digit,confidence\n';

/** One line of it. */
export function predictionRow(p: Prediction): string {
  return `${csvField(p.filename)},${csvField(p.digit)},${p.confidence.toFixed(6)}\n`;
}

/** `filename,reason`: everything that could not be classified. */
export function rejectsCsv(rejects: readonly { name: string; reason: string }[]): string {
  const rows = rejects
    .toSorted((a, b) => compareText(a.name, b.name))
    .map((reject) => `${csvField(reject.name)},${csvField(reject.reason)}`);
  return `${['filename,reason', ...rows].join('\n')}\n`;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
