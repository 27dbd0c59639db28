import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openTraceFile } from '../../src/coordinator/trace-file.js';
import { type FileOperations, OutputError, realFiles } from '../../src/store/index.js';
import type { Timers } from '../../src/transport/index.js';
import { temporaryFolder } from '../support/small-data.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let path = '';
let failures: OutputError[] = [];
let dropped = 0;
/** What waits for a timer; `pass` lets it happen. */
let due: (() => void)[] = [];
const timers: Timers = {
  after(_ms, run) {
    due.push(run);
    return () => {
      due = due.filter((one) => one !== run);
    };
  },
};

beforeEach(async () => {
  folder = await temporaryFolder();
  path = join(folder.path, 'trace.json');
  failures = [];
  dropped = 0;
  due = [];
});
afterEach(() => folder.dispose());

const open = (files: FileOperations = realFiles) =>
  openTraceFile({
    path,
    files,
    timers,
    onFailed: (failure) => failures.push(failure),
    onDropped: (events) => {
      dropped += events;
    },
  });

const stored = async (): Promise<unknown[]> =>
  z.array(z.unknown()).parse(JSON.parse(await readFile(path, 'utf8')));
const event = (n: number): string => JSON.stringify({ n, name: 'কাজ' });
const events = (count: number): object[] => Array.from({ length: count }, (_, n) => ({ n, name: 'কাজ' }));

/** Until so many are there. Who reads in the middle of a write may find half of it: that is no kill. */
async function reaches(count: number): Promise<void> {
  const found = await stored().catch(() => []);
  if (Array.isArray(found) && found.length >= count) return;
  await new Promise((resolve) => setTimeout(resolve, 5));
  await reaches(count);
}

/** A disk with room for a file of so many bytes, or one that writes nothing before it is let. */
function disk(o: { capacity?: number; gate?: Promise<void> }): FileOperations {
  const capacity = o.capacity ?? Number.POSITIVE_INFINITY;
  return {
    ...realFiles,
    open: async (...args) => {
      const handle = await realFiles.open(...args);
      return new Proxy(handle, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          if (name !== 'write') return value.bind(target);
          return async (bytes: Uint8Array, offset: number, length: number, position: number) => {
            await o.gate;
            const fits = Math.min(length, capacity - position);
            if (fits <= 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
            return target.write(bytes, offset, fits, position);
          };
        },
      });
    },
  };
}

describe('a trace file', () => {
  it('is a whole JSON array at any moment, as one finds it after a kill', async () => {
    const file = await open();
    expect(await stored()).toEqual([]);
    let written = 0;
    for (const count of [1, 2, 700]) {
      for (let i = 0; i < count; i++) file.add(event(written++));
      for (const run of due.splice(0)) run();
      await reaches(written);
      expect(await stored()).toEqual(events(written));
    }
    file.add(event(written++));
    await file.close();
    expect(await stored()).toEqual(events(written));
    expect([dropped, failures]).toEqual([0, []]);
  });

  it('does not wait for the clock when much has come together', async () => {
    const file = await open();
    for (let i = 0; i < 12_000; i++) file.add(event(i));
    await reaches(8_001);
    await file.close();
    expect(await stored()).toEqual(events(12_000));
  });

  it('ends where the disk is full, whole, and says so once', async () => {
    const file = await open(disk({ capacity: 400_000 }));
    for (let i = 0; i < 20_000; i++) {
      file.add(event(i));
      if (i % 2_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await file.close();
    const kept = await stored();
    expect(kept).toEqual(events(kept.length));
    expect(kept.length).toBeGreaterThan(500);
    expect(kept.length + dropped).toBe(20_000);
    expect(failures).toEqual([expect.any(OutputError)]);
    expect(failures[0]?.message).toContain('the disk is full');
  });

  it('drops events rather than keep all that a slow disk does not take, and counts them', async () => {
    let release!: () => void;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const file = await open(disk({ gate }));
    const large = JSON.stringify({ text: 'x'.repeat(1_000_000) });
    for (let i = 0; i < 20; i++) file.add(large);
    expect(dropped).toBeGreaterThanOrEqual(8);
    release();
    await file.close();
    expect((await stored()).length + dropped).toBe(20);
  });

  it('takes nothing after its end', async () => {
    const file = await open();
    await file.close();
    await file.close();
    file.add(event(0));
    expect([await stored(), dropped]).toEqual([[], 1]);
  });

  it('is an error at the start where it cannot be', async () => {
    path = join(folder.path, 'missing', 'trace.json');
    await expect(open()).rejects.toThrow(/trace\.json: its folder does not exist/);
  });
});
