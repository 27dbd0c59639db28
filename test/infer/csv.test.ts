import { expect, it } from 'vitest';
import { csvField, predictionsCsv, rejectsCsv } from '../../src/infer/index.js';

it.each([
  ['plain.png', 'plain.png'],
  ['a,b.png', '"a,b.png"'],
  ['say "hi".png', '"say ""hi"".png"'],
  ['two\nlines.png', '"two\nlines.png"'],
  ['অঙ্ক.png', 'অঙ্ক.png'],
  ['', ''],
])('quotes %j as RFC 4180 has it', (text, field) => {
  expect(csvField(text)).toBe(field);
});

it('sorts by file name, the same on every machine', () => {
  const names = ['b.png', 'B.png', 'a10.png', 'a2.png', 'ä.png'];
  const csv = predictionsCsv(names.map((filename) => ({ filename, digit: '3', confidence: 0.98765432 })));
  expect(csv).toBe(
    'filename,digit,confidence\n' +
      'B.png,3,0.987654\na10.png,3,0.987654\na2.png,3,0.987654\nb.png,3,0.987654\nä.png,3,0.987654\n',
  );
});

it('lists rejects with their reason', () => {
  expect(
    rejectsCsv([
      { name: 'z.png', reason: 'not an image' },
      { name: 'a.png', reason: 'truncated, at byte 7' },
    ]),
  ).toBe('filename,reason\na.png,"truncated, at byte 7"\nz.png,not an image\n');
});
