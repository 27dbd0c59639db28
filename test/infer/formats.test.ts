import { expect, it } from 'vitest';
import { createEncoder, encodeSorted, type Outcome, rank } from '../../src/infer/index.js';

const classes = ['nil', 'one', 'two,', 'three'];
// biome-ignore format: a row for each image
const probabilities = Float32Array.of(
  0.1, 0.2, 0.6, 0.1,
  0.25, 0.25, 0.25, 0.25,
  0, 0.3, 0, 0.7,
);
const names = ['b "1".png', 'a.png', 'c.png'];
const exact = Math.fround;
const outputFormats = ['csv', 'json', 'ndjson'] as const;

it.each(outputFormats)('%s sorts by file name, the same on every machine', (format) => {
  const unsorted = ['b.png', 'B.png', 'a10.png', 'a2.png', 'ä.png'];
  const outcomes = unsorted.map((filename) => ({ filename, digit: '3', confidence: 0.5, others: [] }));
  const text = encodeSorted(outcomes, format, 1);
  const places = ['B.png', 'a10.png', 'a2.png', 'b.png', 'ä.png'].map((name) => text.indexOf(name));
  expect(places.every((place, i) => place > (places[i - 1] ?? 0))).toBe(true);
});

it('ranks classes by probability, equals in the order of the classes, as many as asked for', () => {
  const three = rank(names, probabilities, classes, 3);
  expect(three.map(({ digit, others }) => [digit, ...others.map((other) => other.digit)])).toEqual([
    ['two,', 'one', 'nil'],
    ['nil', 'one', 'two,'],
    ['three', 'one', 'nil'],
  ]);
  expect(three[2]?.others).toEqual([
    { digit: 'one', confidence: exact(0.3) },
    { digit: 'nil', confidence: 0 },
  ]);
  for (const top of [1, 2, 4]) {
    const some = rank(names, probabilities, classes, top);
    expect(some.map(({ others }) => others.length)).toEqual([top - 1, top - 1, top - 1]);
    expect(some.map(({ digit }) => digit)).toEqual(three.map(({ digit }) => digit));
  }
});

const outcomes = (top: number): Outcome[] => [
  ...rank(names, probabilities, classes, top),
  { filename: 'bad.png', reason: 'no "image"' },
];

const read = (top: number): unknown => JSON.parse(encodeSorted(outcomes(top), 'json', top));
const readLines = (top: number): unknown[] =>
  encodeSorted(outcomes(top), 'ndjson', top)
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));

it('csv has two columns for each class, and no rejects', () => {
  expect(encodeSorted(outcomes(1), 'csv', 1)).toBe(
    'filename,digit,confidence\na.png,nil,0.250000\n"b ""1"".png","two,",0.600000\nc.png,three,0.700000\n',
  );
  expect(encodeSorted(outcomes(3), 'csv', 3)).toBe(
    'filename,digit,confidence,digit2,confidence2,digit3,confidence3\n' +
      'a.png,nil,0.250000,one,0.250000,"two,",0.250000\n' +
      '"b ""1"".png","two,",0.600000,one,0.200000,nil,0.100000\n' +
      'c.png,three,0.700000,one,0.300000,nil,0.000000\n',
  );
});

it('json and ndjson have the same objects, with every bit of the probabilities, and the rejects', () => {
  const plain = [
    { filename: 'a.png', digit: 'nil', confidence: 0.25 },
    { filename: 'b "1".png', digit: 'two,', confidence: exact(0.6) },
    { filename: 'bad.png', reason: 'no "image"' },
    { filename: 'c.png', digit: 'three', confidence: exact(0.7) },
  ];
  expect(read(1)).toEqual(plain);
  expect(readLines(1)).toEqual(plain);
  const two = readLines(2);
  expect(read(2)).toEqual(two);
  expect(two[3]).toEqual({
    ...plain[3],
    top: [
      { digit: 'three', confidence: exact(0.7) },
      { digit: 'one', confidence: exact(0.3) },
    ],
  });
  expect(two[2]).toEqual(plain[2]);
});

it.each(outputFormats)('%s comes out the same in pieces of any size, empty ones too', (format) => {
  const all = outcomes(2);
  const whole = createEncoder(format, 2);
  const expected = whole.head() + whole.rows(all) + whole.tail();
  const pieces = createEncoder(format, 2);
  const text = [pieces.head(), pieces.rows([])];
  for (const outcome of all) text.push(pieces.rows([outcome]), pieces.rows([]));
  expect([...text, pieces.tail()].join('')).toBe(expected);
});

it('json of nothing is an empty array', () => {
  expect(JSON.parse(encodeSorted([], 'json', 1))).toEqual([]);
  expect(encodeSorted([], 'ndjson', 1)).toBe('');
});
