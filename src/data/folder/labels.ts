import { DataError } from '../errors.js';
import { parseCsv } from './csv.js';

/** A row of FOLDER.csv. `label` is null if the digit column holds no digit from 0 to 9; `text` is what it holds. */
export interface LabelRow {
  line: number;
  filename: string;
  label: number | null;
  text: string;
}

/**
 * Reads the columns `filename` and `digit`, wherever they stand; NumtaDB's sets order their columns differently and have others.
 * The header's case and surrounding blanks do not matter.
 *
 * @throws DataError if the file has no header, or a column is missing (naming the ones found)
 */
export function readLabels(csv: string, source: string): LabelRow[] {
  const [header, ...records] = parseCsv(csv, source);
  if (header === undefined)
    throw new DataError(`${source} is empty: expected a header with the columns filename and digit.`);
  const names = header.fields.map((name) => name.trim());
  const column = (wanted: string): number => {
    const matches = names.flatMap((name, i) => (name.toLowerCase() === wanted ? [i] : []));
    if (matches.length === 1) return matches[0];
    const found = names.map((name) => `"${name}"`).join(', ');
    const problem = matches.length === 0 ? `has no column "${wanted}"` : `has the column "${wanted}" twice`;
    throw new DataError(`${source} ${problem}. Its columns are ${found}; needed are "filename" and "digit".`);
  };
  const filename = column('filename');
  const digit = column('digit');
  return records.map(({ line, fields }) => {
    const text = (fields[digit] ?? '').trim();
    return {
      line,
      filename: (fields[filename] ?? '').trim(),
      label: /^[0-9]$/.test(text) ? Number(text) : null,
      text,
    };
  });
}
