import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { pictureUrl } from '../../src/page/index.js';

/** Red, green and blue of each pixel, as whoever shows the picture reads it. */
function read(url: string): number[][] {
  const [head, body = ''] = url.split(',');
  expect(head).toBe('data:image/png;base64');
  const { data } = PNG.sync.read(Buffer.from(body, 'base64'));
  return Array.from({ length: data.length / 4 }, (_, i) => [...data.subarray(4 * i, 4 * i + 4)]);
}

it('writes one channel as grey', () => {
  const url = pictureUrl({ pixels: Uint8Array.of(0, 7, 128, 255, 9, 250), width: 3, height: 2, channels: 1 });
  expect(read(url)).toEqual([0, 7, 128, 255, 9, 250].map((grey) => [grey, grey, grey, 255]));
});

it('writes three channels, one plane after the other, as red, green and blue', () => {
  const url = pictureUrl({ pixels: Uint8Array.of(1, 2, 30, 40, 250, 255), width: 2, height: 1, channels: 3 });
  expect(read(url)).toEqual([
    [1, 30, 250, 255],
    [2, 40, 255, 255],
  ]);
});
