import { PassThrough, Readable } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { inBatches, pathBatches } from '../../src/infer/index.js';

async function allOf(source: Readable, most: number): Promise<string[][]> {
  const batches: string[][] = [];
  for await (const batch of pathBatches(source, most)) batches.push(batch);
  return batches;
}

it('takes lines apart however they arrive, in Unicode, with either line end, the last one without', async () => {
  const bytes = Buffer.from('a.png\n\nঅঙ্ক/৩.png\r\nwith space.png\nlast.png');
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    const batches = await allOf(Readable.from(pieces, { objectMode: false }), 100);
    expect(batches.flat()).toEqual(['a.png', 'অঙ্ক/৩.png', 'with space.png', 'last.png']);
  }
});

it('hands out what has arrived without waiting for more, and never more than asked for', async () => {
  const source = new PassThrough();
  const batches = pathBatches(source, 3);
  source.write('1\n2\n');
  expect(await batches.next()).toEqual({ done: false, value: ['1', '2'] });
  source.write('3\n4\n5\n6\n7');
  expect((await batches.next()).value).toEqual(['3', '4', '5']);
  expect((await batches.next()).value).toEqual(['6']);
  source.end('8\n');
  expect((await batches.next()).value).toEqual(['78']);
  expect((await batches.next()).done).toBe(true);
});

it('makes whoever writes wait: what is held is bounded', async () => {
  let made = 0;
  const lines = 1_000_000;
  function* endless(): Generator<string> {
    while (made < lines) yield `a/path/of/some/length/${made++}.png\n`;
  }
  const batches = pathBatches(Readable.from(endless(), { objectMode: false }), 10);
  for (let taken = 0; taken < 20; taken++) {
    expect((await batches.next()).value).toHaveLength(10);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  // 256 KiB, twice, of about 30 bytes a line, and a part of what was taken already.
  expect(made).toBeLessThan(40_000);
  await batches.return(undefined);
});

it('refuses what is no list of paths before it fills the memory', async () => {
  const source = Readable.from(
    Array.from({ length: 100 }, () => 'x'.repeat(10_000)),
    { objectMode: false },
  );
  await expect(allOf(source, 10)).rejects.toMatchObject({ name: 'InferenceError' });
  await vi.waitFor(() => expect(source.destroyed).toBe(true));
});

it('passes on that the source failed, and that it is to stop', async () => {
  const failing = new PassThrough();
  const attempt = allOf(failing, 10);
  failing.destroy(new Error('the disk is gone'));
  await expect(attempt).rejects.toThrow('the disk is gone');

  const controller = new AbortController();
  const waiting = pathBatches(new PassThrough(), 10, { signal: controller.signal }).next();
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
});

it('cuts a list that is known already', () => {
  expect([...inBatches(['a', '', 'b', 'c'], 2)]).toEqual([['a', 'b'], ['c']]);
  expect([...inBatches([], 2)]).toEqual([]);
});
