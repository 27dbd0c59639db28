import { describe, expect, test } from 'vitest';
import { parseCsv } from '../../src/data/folder/csv.js';
import { readLabels } from '../../src/data/folder/labels.js';
import { DataError } from '../../src/data/index.js';

const fields = (text: string): string[][] => parseCsv(text, 'x.csv').map((record) => record.fields);

describe('comma-separated values', () => {
  test.each([
    ['LF', 'a,b\n1,2\n'],
    ['CRLF', 'a,b\r\n1,2\r\n'],
    ['CR', 'a,b\r1,2\r'],
    ['no last line end', 'a,b\n1,2'],
    ['a byte order mark', '\ufeffa,b\n1,2\n'],
    ['blank lines', '\na,b\n\n\n1,2\n\n'],
    ['quotes', '"a","b"\n"1","2"\n'],
  ])('reads the same records with %s', (_, text) => {
    expect(fields(text)).toEqual([
      ['a', 'b'],
      ['1', '2'],
    ]);
  });

  test('keeps commas, doubled quotes and line ends inside quotes, and counts lines across them', () => {
    expect(parseCsv('"a,b","say ""hi""","two\r\nlines"\nnext', 'x.csv')).toEqual([
      { line: 1, fields: ['a,b', 'say "hi"', 'two\r\nlines'] },
      { line: 3, fields: ['next'] },
    ]);
  });

  test('keeps empty fields, the last one too', () => {
    expect(fields(',,\na,\n')).toEqual([
      ['', '', ''],
      ['a', ''],
    ]);
    expect(fields('a,')).toEqual([['a', '']]);
  });

  test.each([
    ['a,"b\n', /x\.csv, line 1: a quote is opened and never closed/],
    ['a\n"b"c,d\n', /x\.csv, line 2: expected a comma after a closed quote, found "c"/],
  ])('refuses %j', (text, message) => {
    expect(() => parseCsv(text, 'x.csv')).toThrow(message);
  });
});

describe('label files', () => {
  test('finds its columns by name, in any place and case', () => {
    expect(readLabels('scan, Digit ,num,FILENAME\n,7,,a.png\n', 'x.csv')).toEqual([
      { line: 2, filename: 'a.png', label: 7, text: '7' },
    ]);
  });

  test.each(['10', '-1', '', 'seven', '3.0', '৩'])('takes %j for no label', (text) => {
    expect(readLabels(`filename,digit\na.png,${text}\n`, 'x.csv')[0]).toMatchObject({ label: null, text });
  });

  test('a row that is too short has no label', () => {
    expect(readLabels('filename,digit\na.png\n', 'x.csv')[0]).toMatchObject({
      filename: 'a.png',
      label: null,
    });
  });

  test.each([
    ['name,digit\n', /x\.csv has no column "filename"\. Its columns are "name", "digit"/],
    ['filename,label\n', /has no column "digit"/],
    ['filename,digit,digit\n', /has the column "digit" twice/],
    ['', /x\.csv is empty/],
  ])('refuses %j as a DataError that says what it found', (text, message) => {
    expect(() => readLabels(text, 'x.csv')).toThrow(message);
    expect(() => readLabels(text, 'x.csv')).toThrow(DataError);
  });
});
