import * as fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StoredVector } from '../../src/engine/index.js';
import { createVectorFile, type SyncFiles, type VectorFile } from '../../src/store/index.js';
import { temporaryFolder } from '../support/small-data.js';

const count = 1000;
const real: SyncFiles = fs;
const values = (first: number): Float32Array => Float32Array.from({ length: count }, (_, i) => first + i / 8);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let failures: string[];
let file: VectorFile;
const open = (files: Partial<SyncFiles> = {}): VectorFile =>
  createVectorFile(folder.path, count, ({ message }) => failures.push(message), { ...real, ...files });
const put = (vector: Float32Array): StoredVector => {
  const stored = file.put(vector);
  if (stored === null) throw new Error(`Not taken: ${failures.join()}`);
  return stored;
};
const moved = (stored: StoredVector): Float32Array => {
  const y = new Float32Array(count);
  stored.moveTo(y);
  return y;
};

beforeEach(async () => {
  folder = await temporaryFolder();
  failures = [];
  file = open();
});
afterEach(async () => {
  file.close();
  await folder.dispose();
});

describe('a file of vectors', () => {
  it('gives each back as it was, in any order, also one that is a view', () => {
    const wide = new Float32Array(2 * count + 7);
    wide.set(values(3), 7);
    const [a, b, c] = [put(values(1)), put(values(2)), put(wide.subarray(7, 7 + count))];
    expect(moved(b)).toEqual(values(2));
    expect(moved(c)).toEqual(values(3));
    expect(moved(a)).toEqual(values(1));
  });

  it('uses the places of those that are gone again', () => {
    let end = 0;
    file = open({
      writeSync: (fd, bytes, offset, length, position) => {
        end = Math.max(end, position + length);
        return fs.writeSync(fd, bytes, offset, length, position);
      },
    });
    for (let round = 0; round < 20; round++) {
      const [a, b] = [put(values(round)), put(values(-round))];
      if (round % 2 === 0) b.drop();
      else expect(moved(b)).toEqual(values(-round));
      expect(moved(a)).toEqual(values(round));
    }
    expect(end).toBe(2 * count * 4);
  });

  it('leaves nothing in the folder, and makes nothing before it is needed', () => {
    let opened = 0;
    file = open({
      openSync: (...args: Parameters<typeof fs.openSync>) => {
        opened += 1;
        return fs.openSync(...args);
      },
    });
    expect(opened).toBe(0);
    put(values(1));
    put(values(2));
    expect(opened).toBe(1);
    expect(fs.readdirSync(folder.path)).toEqual([]);
  });

  it('is content with a system that writes and reads in pieces', () => {
    const piece = 100;
    file = open({
      writeSync: (fd, bytes, offset, length, position) =>
        fs.writeSync(fd, bytes, offset, Math.min(piece, length), position),
      readSync: (fd, bytes, offset, length, position) =>
        fs.readSync(fd, bytes, offset, Math.min(piece, length), position),
    });
    expect(moved(put(values(4)))).toEqual(values(4));
  });

  it('takes nothing more once a write has failed, says why once, and still has what it took', () => {
    let isFull = false;
    file = open({
      writeSync: (...args) => {
        if (isFull) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        return fs.writeSync(...args);
      },
    });
    const before = put(values(1));
    isFull = true;
    expect([file.put(values(2)), file.put(values(3))]).toEqual([null, null]);
    isFull = false;
    expect(file.put(values(4))).toBeNull();
    expect(failures).toEqual([
      `Cannot write ${folder.path}: the disk is full. Free some space or choose another folder.`,
    ]);
    expect(moved(before)).toEqual(values(1));
  });

  it('takes nothing where the folder is gone', async () => {
    await folder.dispose();
    expect(file.put(values(1))).toBeNull();
    expect(failures).toEqual([
      `Cannot write ${folder.path}: its folder does not exist. Create it first or choose another one.`,
    ]);
  });

  it('says so when what it took is not there any more', () => {
    file = open({ readSync: () => 0 });
    const stored = put(values(1));
    expect(() => moved(stored)).toThrow(/Cannot read/);
  });

  it('takes nothing after it was closed', () => {
    put(values(1));
    file.close();
    expect(file.put(values(2))).toBeNull();
    expect(failures).toEqual([]);
  });
});
