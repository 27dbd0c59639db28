import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  checkRunFolder,
  openRunFolder,
  readFence,
  runPaths,
  writeFence,
} from '../../src/coordinator/run-dir.js';
import { silentLog } from '../../src/metrics/index.js';
import { realFiles } from '../../src/store/index.js';

const identity = {
  spec: { seed: 1, optimizer: { type: 'adam' } },
  dataHash: 'abc',
  numericsId: 'reference-1',
};
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onko-run-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const open = (resume: boolean, changes = {}): ReturnType<typeof openRunFolder> =>
  openRunFolder(join(folder, 'out'), resume, { ...identity, ...changes }, '1.0.0', silentLog);

const readOnly = (): Promise<never> =>
  Promise.reject(Object.assign(new Error('read-only file system'), { code: 'EROFS' }));

describe('the run folder', () => {
  it('is made for a new run and found again by resuming', async () => {
    const made = await open(false);
    expect(made.isNew).toBe(true);
    expect(await open(true)).toEqual({ file: made.file, isNew: false });
  });

  it('is never overwritten by a fresh start', async () => {
    await open(false);
    await expect(open(false)).rejects.toThrow(
      expect.objectContaining({
        name: 'RunFolderError',
        message: expect.stringMatching(/already holds.*--resume/),
      }),
    );
  });

  it('is looked at before there is anything to put into it, and left as it is', async () => {
    const out = join(folder, 'deep', 'out');
    await checkRunFolder(out, false);
    expect(await readdir(folder)).toEqual([]);
    await open(false);
    await checkRunFolder(join(folder, 'out'), true);
    await expect(checkRunFolder(join(folder, 'out'), false)).rejects.toThrow(
      expect.objectContaining({
        name: 'RunFolderError',
        message: expect.stringMatching(/already holds.*--resume/),
      }),
    );
  });

  it('says before all else that it cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    for (const out of [
      join(folder, 'file'),
      join(folder, 'file', 'out'),
      join(folder, 'file', 'deep', 'out'),
    ])
      await expect(checkRunFolder(out, false)).rejects.toThrow(
        expect.objectContaining({
          name: 'OutputError',
          message: expect.stringMatching(/^Cannot write .*: a file stands where a folder is needed/),
        }),
      );
    await expect(
      checkRunFolder(join(folder, 'out'), false, { ...realFiles, access: readOnly }),
    ).rejects.toThrow(
      `Cannot write ${join(folder, 'out')}: that file system is read-only. Choose another folder.`,
    );
  });

  it('starts from the beginning when there is nothing to resume', async () => {
    expect((await open(true)).isNew).toBe(true);
  });

  it.each([
    [{ spec: { seed: 2, optimizer: { type: 'adam' } } }, /seed \(1 there, 2 here\)/],
    [{ spec: { seed: 1, optimizer: { type: 'sgd' } } }, /optimizer\.type \("adam" there, "sgd" here\)/],
    [{ dataHash: 'def' }, /the data \(hash abc there, def here\)/],
    [{ numericsId: 'native-1' }, /the numerics \(reference-1 there, native-1 here\)/],
  ])('says what differs: %o', async (changes, message) => {
    await open(false);
    await expect(open(true, changes)).rejects.toThrow(message);
    await expect(open(true, changes)).rejects.toThrow(
      expect.objectContaining({ name: 'ResumeMismatchError' }),
    );
  });

  it('says so when run.json is damaged or lost', async () => {
    await open(false);
    const out = join(folder, 'out');
    await writeFile(runPaths(out).runFile, '{"format": "onko');
    await expect(open(true)).rejects.toThrow(expect.objectContaining({ name: 'CheckpointError' }));
    await rm(runPaths(out).runFile);
    await writeFile(join(runPaths(out).checkpoints, 'step-00000001.safetensors'), '');
    await expect(open(true)).rejects.toThrow(expect.objectContaining({ name: 'CheckpointError' }));
    await expect(open(false)).rejects.toThrow(expect.objectContaining({ name: 'RunFolderError' }));
  });

  it('keeps the fence; a damaged one counts as none', async () => {
    expect(await readFence(folder)).toBe(0);
    await writeFence(folder, 7);
    expect(await readFence(folder)).toBe(7);
    await writeFile(runPaths(folder).fence, 'x');
    expect(await readFence(folder)).toBe(0);
  });

  it('that cannot be written is an OutputError', async () => {
    await writeFile(join(folder, 'out'), 'a file stands here');
    await expect(open(false)).rejects.toThrow(expect.objectContaining({ name: 'OutputError' }));
  });
});
