import { DataError } from '../errors.js';

/** One record and the line of the file it begins on, counted from 1. */
export interface CsvRecord {
  line: number;
  fields: string[];
}

/**
 * Reads comma-separated values as RFC 4180 has them: quoted fields may hold commas, doubled quotes and line ends. Line ends may be
 * LF, CRLF or CR, a byte order mark is skipped, blank lines are no records.
 *
 * @param source how error messages call the file
 * @throws DataError for a quote that is never closed, or text after a closed one: guessing would shift columns
 */
export function parseCsv(text: string, source: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let fields: string[] = [];
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let line = 1;
  let firstLine = 1;

  const endRecord = (): void => {
    if (fields.length > 1 || fields[0] !== '') records.push({ line: firstLine, fields });
    fields = [];
  };

  const quoted = (): string => {
    const opened = line;
    let value = '';
    at += 1;
    for (;;) {
      const end = text.indexOf('"', at);
      if (end === -1) throw new DataError(`${source}, line ${opened}: a quote is opened and never closed.`);
      const piece = text.slice(at, end);
      line += piece.match(/\r\n|\r|\n/g)?.length ?? 0;
      value += piece;
      at = end + 1;
      if (text[at] !== '"') break;
      value += '"';
      at += 1;
    }
    if (at < text.length && !',\r\n'.includes(text[at])) {
      throw new DataError(
        `${source}, line ${line}: expected a comma after a closed quote, found "${text[at]}".`,
      );
    }
    return value;
  };

  const bare = (): string => {
    const start = at;
    while (at < text.length && text[at] !== ',' && text[at] !== '\n' && text[at] !== '\r') at += 1;
    return text.slice(start, at);
  };

  while (at < text.length) {
    fields.push(text[at] === '"' ? quoted() : bare());
    if (at === text.length) break;
    const separator = text[at];
    at += 1;
    if (separator === ',') {
      // A comma at the very end is followed by one more, empty field.
      if (at === text.length) fields.push('');
      continue;
    }
    if (separator === '\r' && text[at] === '\n') at += 1;
    line += 1;
    endRecord();
    firstLine = line;
  }
  if (fields.length > 0) endRecord();
  return records;
}
