import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { modelSha256 } from './model-sha256.js';
import { temporaryFolder, writeSmallSet } from './small-data.js';
import { endPrograms, type ProgramOptions, type RunningProgram, startProgram } from './start-program.js';

/** A coordinator's process and what can be seen of its run from outside. */
export interface RunningCoordinator extends RunningProgram {
  /** Value of a sample of its /metrics; 0 while it has none. */
  metric(name: string): Promise<number>;
  /** Resolves when so many steps of the run are done. */
  reaches(step: number): Promise<void>;
}

/**
 * One data set and one spec for runs of real processes, which differ in nothing but what happens to them. A folder per
 * process: coordinator and workers share the broker and nothing else.
 */
export interface FaultRuns {
  path: string;
  coordinator(out: string, args?: string[], o?: Partial<ProgramOptions>): Promise<RunningCoordinator>;
  /** One thread, and a home of its own. */
  worker(id: string, args?: string[], o?: Partial<ProgramOptions>): Promise<RunningProgram>;
  reducer(id: string, args?: string[], o?: Partial<ProgramOptions>): Promise<RunningProgram>;
  /** SHA-256 of the model of a run. */
  modelSha256(out: string): Promise<string>;
  /** Steps of the checkpoints of a run, ascending. */
  checkpoints(out: string): Promise<number[]>;
  /**
   * Halts the only worker of a run until a checkpoint is due, lets it go on, and halts it again when a checkpoint in
   * mid-epoch is on disk; → its step. So it does not matter how fast the machine is.
   */
  haltAtCheckpoint(out: string, coordinator: RunningCoordinator, worker: RunningProgram): Promise<number>;
  dispose(): Promise<void>;
}

/** Of two epochs. */
export const stepsPerEpoch = 20;
const batch = 64;
/** The shortest there is, and a little more. */
const checkpointDueSeconds = 1.2;

export async function openFaultRuns(brokerUrl: string): Promise<FaultRuns> {
  const folder = await temporaryFolder();
  const { path } = folder;
  await writeSmallSet(path, { 'training-a': stepsPerEpoch * batch, 'training-b': 100 });
  await writeFile(
    join(path, 'onko.config.json'),
    JSON.stringify({
      data: '.',
      train: 'training-a',
      validate: 'training-b',
      model: {
        name: 'small',
        input: [1, 16, 16],
        layers: [
          { type: 'conv2d', filters: 16, kernel: 5 },
          { type: 'relu' },
          { type: 'maxpool2d', size: 2 },
          { type: 'conv2d', filters: 16, kernel: 3 },
          { type: 'relu' },
          { type: 'flatten' },
          { type: 'dropout', rate: 0.2 },
          { type: 'linear', units: 64 },
          { type: 'relu' },
          { type: 'linear', units: 10 },
          { type: 'softmax' },
        ],
      },
      kernels: 'reference',
      epochs: 2,
      batch,
      microshards: 4,
      checkpointEvery: 1,
      // Whoever is halted for some seconds is not given up.
      heartbeatMs: 5_000,
      metricsPort: 0,
      cacheDir: 'cache',
    }),
  );
  const env = { ONKO_BROKER: brokerUrl };

  const checkpoints = async (out: string): Promise<number[]> => {
    const names = await readdir(join(path, out, 'checkpoints')).catch(() => []);
    return names
      .flatMap((name) => /^step-(\d+)\.safetensors$/.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b);
  };

  const home = async (name: string): Promise<string> => {
    const made = join(path, 'homes', name);
    await mkdir(made, { recursive: true });
    return made;
  };

  return {
    path,
    coordinator: async (out, args = [], o = {}) => {
      const environment = { ...env, HOME: await home('coordinator') };
      const program = startProgram('coordinator', ['start', '--out', out, ...args], {
        cwd: path,
        env: environment,
        ...o,
      });
      let url: string | null = null;
      const metric = async (name: string): Promise<number> => {
        url ??= (await program.says(/metrics are served url=(\S+)/))[1] ?? '';
        const text = await (await fetch(url)).text();
        // The one series of a metric without labels of its own; all have the run's.
        return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
      };
      const reaches = async (step: number): Promise<void> => {
        while ((await metric('onko_step')) < step) await sleep(20);
      };
      return { ...program, metric, reaches };
    },
    worker: async (id, args = [], o = {}) => {
      const cwd = await home(id);
      const given = ['start', '--threads', '1', '--kernels', 'reference', '--id', id, '--verbose', ...args];
      return startProgram('worker', given, { cwd, env: { ...env, HOME: cwd }, ...o });
    },
    reducer: async (id, args = [], o = {}) => {
      const cwd = await home(id);
      const given = ['start', '--kernels', 'reference', '--id', id, '--verbose', ...args];
      return startProgram('reducer', given, { cwd, env: { ...env, HOME: cwd }, ...o });
    },
    modelSha256: (out) => modelSha256(join(path, out)),
    checkpoints,
    haltAtCheckpoint: async (out, coordinator, worker) => {
      await coordinator.reaches(3);
      for (;;) {
        worker.kill('SIGSTOP');
        const found = (await checkpoints(out)).findLast((step) => step % stepsPerEpoch !== 0);
        if (found !== undefined) return found;
        while ((await coordinator.metric('onko_checkpoint_age_seconds')) < checkpointDueSeconds)
          await sleep(20);
        const before = await coordinator.metric('onko_checkpoints_total');
        worker.kill('SIGCONT');
        while ((await coordinator.metric('onko_checkpoints_total')) === before) await sleep(5);
      }
    },
    dispose: async () => {
      await endPrograms();
      await folder.dispose();
    },
  };
}
