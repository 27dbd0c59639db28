import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runPaths } from '../../src/coordinator/run-dir.js';
import { type FileOperations, realFiles } from '../../src/store/index.js';
import type { Faults } from './fake-worker.js';
import { expectedSha256, folder, sampleOf, spec, startCluster } from './run-stage.js';

/** A disk on which opening a file for writing fails while `isFull` says so of its target. */
function failingDisk(isFull: (path: string) => boolean, code = 'ENOSPC'): FileOperations {
  const full = (path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code });
  return {
    ...realFiles,
    // Everything is written beside its target and renamed, and it is the name that tells the target.
    rename: async (from, to) => {
      if (isFull(String(to))) throw full(String(to));
      await realFiles.rename(from, to);
    },
  };
}

/** Slow enough for a checkpoint to be on disk before the next one is due. */
const slowly: Faults = { delayMs: () => 15 };

const isCheckpoint = (path: string): boolean => path.includes('step-');

describe('a disk that refuses', () => {
  it.each(['ENOSPC', 'EIO', 'EROFS'])(
    'checkpoints and the history (%s) does not stop the training',
    async (code) => {
      const files = failingDisk((path) => isCheckpoint(path) || path.endsWith('history.csv'), code);
      const { coordinator, registry, warnings, config } = await startCluster([{}, {}], { files });
      const summary = await coordinator.finished;
      expect(summary).toMatchObject({ outcome: 'finished', steps: 16, modelSha256: await expectedSha256() });
      expect(await readdir(runPaths(config.outDir).checkpoints)).toEqual([]);
      expect(
        await sampleOf(registry, 'onko_checkpoint_failures_total', { file: 'checkpoint' }),
      ).toBeGreaterThan(1);
      expect(await sampleOf(registry, 'onko_checkpoint_failures_total', { file: 'history' })).toBe(4);
      expect(await sampleOf(registry, 'onko_checkpoints_total')).toBe(0);
      expect(warnings).toContainEqual(
        expect.stringMatching(/^A checkpoint could not be written\. Cannot write \S+: .*Training goes on/),
      );
    },
  );

  it('for a while leaves the checkpoint before whole, and the next one is written again', async () => {
    let attempts = 0;
    const files = failingDisk((path) => {
      if (!isCheckpoint(path)) return false;
      attempts += 1;
      return attempts === 2 || attempts === 3;
    });
    const { coordinator, registry, config } = await startCluster([slowly], { files, keepCheckpoints: 50 });
    await coordinator.finished;
    expect(await sampleOf(registry, 'onko_checkpoint_failures_total', { file: 'checkpoint' })).toBe(2);
    const names = await readdir(runPaths(config.outDir).checkpoints);
    expect(names).toContain('step-00000016.safetensors');
    expect(names).toHaveLength(attempts - 2);
    expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('the model is an error that says where to go on, and going on writes it', async () => {
    const files = failingDisk((path) => path.endsWith('model.safetensors'));
    const { coordinator } = await startCluster([{}], { files });
    await expect(coordinator.finished).rejects.toThrow(
      expect.objectContaining({
        name: 'OutputError',
        message: expect.stringMatching(
          /^Cannot write .*model\.safetensors: .* The last checkpoint is that of step 16 of 16: make room, and --resume/,
        ),
      }),
    );
    const { coordinator: again } = await startCluster([], { resume: true });
    expect((await again.finished).modelSha256).toBe(await expectedSha256());
  });

  it('the last checkpoint of a run that is stopped is an error: its last steps are lost', async () => {
    const files = failingDisk(isCheckpoint);
    const { coordinator } = await startCluster([{}], { files, checkpointEveryMs: 1_000_000 }, ({ step }) => {
      if (step >= 2) void coordinator.stop();
    });
    await expect(coordinator.finished).rejects.toThrow(
      expect.objectContaining({
        name: 'OutputError',
        message: expect.stringContaining('without its last checkpoint'),
      }),
    );
  });
});

/** A run stopped in the middle; → its checkpoints, oldest first. */
async function interrupted(): Promise<string[]> {
  const { coordinator, config } = await startCluster([slowly], { keepCheckpoints: 50 }, ({ step }) => {
    if (step >= 6) void coordinator.stop();
  });
  await coordinator.finished;
  const { checkpoints } = runPaths(config.outDir);
  return (await readdir(checkpoints)).toSorted().map((name) => join(checkpoints, name));
}

describe('a checkpoint that is damaged on disk', () => {
  it('by one bit, or cut short, is skipped for the one before, and the run ends with the same bits', async () => {
    const paths = await interrupted();
    const [flipped = '', cut = ''] = paths.toReversed();
    const bytes = await readFile(flipped);
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
    await writeFile(flipped, bytes);
    await truncate(cut, 1000);
    const { coordinator, warnings } = await startCluster([{}], { resume: true });
    expect((await coordinator.finished).modelSha256).toBe(await expectedSha256());
    const taken = paths.at(-3)?.split('/').at(-1) ?? '';
    expect(warnings.filter((line) => line.startsWith('Checkpoint '))).toEqual([
      expect.stringMatching(
        new RegExp(
          `^Checkpoint ${flipped} cannot be used \\(its content does not match its checksum.*${taken} is taken instead`,
        ),
      ),
      expect.stringMatching(new RegExp(`^Checkpoint ${cut} cannot be used .*${taken} is taken instead`)),
    ]);
  });

  it('like all the others: says so, and what to do', async () => {
    for (const path of await interrupted()) await truncate(path, 30);
    await expect(startCluster([{}], { resume: true })).rejects.toThrow(
      expect.objectContaining({
        name: 'CheckpointError',
        message: expect.stringMatching(
          /^None of the \d+ checkpoints in .* can be used \(step-.*Put back a copy/,
        ),
      }),
    );
  });
});

describe('a training that diverges', () => {
  /** Learns, until from step 100 on the loss is many times what it was. */
  const derail: Faults = {
    spoil: (result) => {
      if (result.mode === 'train' && result.step >= 100) result.lossSum *= 100;
    },
  };

  it('is stopped where it was asked for, and leaves the checkpoint from before', async () => {
    const { coordinator, config } = await startCluster([derail, derail], {
      spec: { ...spec, epochs: 60 },
      divergenceFactor: 3,
      outDir: join(folder, 'wild'),
    });
    const error: unknown = await coordinator.finished.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({
      name: 'RunStoppedError',
      message: expect.stringMatching(/^The training diverged: over the last 32 steps.*best .*--lr/),
    });
    const stoppedAt = Number(/up to step (\d+)/.exec(String(error))?.[1]);
    const names = (await readdir(runPaths(config.outDir).checkpoints)).toSorted();
    const last = Number(/step-(\d+)/.exec(names.at(-1) ?? '')?.[1]);
    expect(stoppedAt).toBeGreaterThanOrEqual(131);
    expect(last).toBeGreaterThan(0);
    expect(last).toBeLessThanOrEqual(stoppedAt - 31);
  });
});
