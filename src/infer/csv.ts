import type { Prediction } from './rank.js';

/** One CSV field as RFC 4180 has it: quoted where it holds a comma, a quote or a line break, inner quotes doubled. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** `filename,digit,confidence`, and with `top` 3 also `digit2,confidence2,digit3,confidence3`. */
export function predictionHead(top: number): string {
  const others = Array.from({ length: top - 1 }, (_, i) => `,digit${i + 2},confidence${i + 2}`);
  return `filename,digit,confidence${others.join('')}\n`;
}

/** One row under it. */
export function predictionRow({ filename, digit, confidence, others }: Prediction): string {
  const guesses = [{ digit, confidence }, ...others];
  const fields = guesses.map((guess) => `,${csvField(guess.digit)},${guess.confidence.toFixed(6)}`);
  return `${csvField(filename)}${fields.join('')}\n`;
}

/** `filename,reason`: everything that could not be classified. */
export function rejectsCsv(rejects: readonly { name: string; reason: string }[]): string {
  const rows = rejects
    .toSorted((a, b) => compareText(a.name, b.name))
    .map((reject) => `${csvField(reject.name)},${csvField(reject.reason)}`);
  return `${['filename,reason', ...rows].join('\n')}\n`;
}

/** In the order of UTF-16 code units: the same on every machine. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
