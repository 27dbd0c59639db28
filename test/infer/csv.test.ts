import { expect, it } from 'vitest';
import { csvField, rejectsCsv } from '../../src/infer/index.js';

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

it('lists rejects with their reason', () => {
  expect(
    rejectsCsv([
      { name: 'z.png', reason: 'not an image' },
      { name: 'a.png', reason: 'truncated, at byte 7' },
    ]),
  ).toBe('filename,reason\na.png,"truncated, at byte 7"\nz.png,not an image\n');
});
