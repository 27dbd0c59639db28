import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import {
  type CoordinatorConfig,
  checkAudits,
  checkReducers,
  checkRunFolder,
  type Progress,
  type RunSummary,
  startCoordinator,
  type TrainingSpec,
} from '../../coordinator/index.js';
import { type Pack, preparePack } from '../../data/index.js';
import { type Kernels, resolveKernels } from '../../engine/index.js';
import { createRegistry, type ProgressReport } from '../../metrics/index.js';
import type { Transport } from '../../transport/index.js';
import { settleSizes, type Way } from '../autotune/autotune.js';
import { type ExitCode, explainError } from '../exit-codes.js';
import { defaultCacheDir, rememberModel } from '../folders.js';
import { version } from '../host.js';
import { openLiveRun, unseen } from '../live/live-run.js';
import type { Values } from '../options/table.js';
import type { trainTable } from '../options/tables.js';
import { runReport } from '../run-report.js';
import type { Session } from '../session.js';
import { trainingSpecOf, wantedSizes } from '../training-spec.js';

/** Each takes about 15 MB: more of them would be most of a coordinator's memory, to win seconds once per data set. */
const mostDecodeThreads = 8;

/** What `train` and `coordinator start` have in common. */
export type RunOptions = Omit<Values<typeof trainTable>, 'workers'>;

export interface Flavour {
  minWorkers: number;
  /** Processes that sum gradients; 0: the coordinator does. */
  reducers: number;
  workerWaitMs: number | null;
  heartbeatMs: number;
  run: { name: string | null; takeOver: boolean };
  workerCommand: string | null;
  /** How to go on with the run, without --data and --out. */
  resumeCommand: string;
  /** For sizes that are to be measured. */
  way: Way;
  openTransport(): Promise<Transport>;
  /** Workers of this process, once the coordinator listens; returns how to end them. */
  startWorkers(o: { transport: Transport; kernels: Kernels; cacheDir: string }): Promise<() => Promise<void>>;
}

/** One run from its options to the lines that say where everything is. Cheap checks come first, then the broker, then the images. */
export async function runTraining(o: RunOptions, flavour: Flavour, session: Session): Promise<ExitCode> {
  const { log, signals, host } = session;
  const draft = await trainingSpecOf(o, flavour.minWorkers);
  checkAudits(draft, o.audit);
  checkReducers(draft, flavour.reducers);
  const outDir = o.out ?? join('runs', `${draft.model.name}-${timestamp(new Date())}`);
  await checkRunFolder(outDir, o.resume);
  const { kernels, reason } = resolveKernels(o.kernels ?? undefined);
  log.info('kernels', { name: kernels.name, numerics: kernels.numericsId, why: reason });
  if (draft.gradients?.type === 'topk')
    log.warn(
      'With --gradients topk the bits of this run depend on the cluster: on who computes what, who dies, and when the coordinator is restarted.',
    );
  const { now } = host;
  const spec = {
    ...draft,
    ...(await settleSizes(wantedSizes(o), draft, { kernels, way: flavour.way, log, now })),
  };
  const cacheDir = o.cacheDir ?? defaultCacheDir(host.env);
  const registry = createRegistry();
  const cleanups: (() => Promise<void>)[] = [];
  const { metricsPort: port, metricsHost, allowHost } = o;
  const live =
    port === null
      ? unseen(log)
      : await openLiveRun({
          host: metricsHost,
          port,
          allowedHosts: allowHost ?? [],
          spec,
          version,
          registry,
          log,
          now: host.now,
        });
  cleanups.push(() => live.close());
  try {
    const transport = await flavour.openTransport();
    cleanups.push(() => transport.close());
    signals.stop.throwIfAborted();
    const pack = await openPack(o, spec, cacheDir, session, (done, total) => live.preparing(done, total));
    cleanups.push(() => pack.close());
    const coordinator = await startCoordinator({
      spec,
      pack,
      transport,
      kernels,
      outDir,
      resume: o.resume,
      takeOver: flavour.run.takeOver,
      runName: flavour.run.name,
      minWorkers: flavour.minWorkers,
      reducers: flavour.reducers,
      workerWaitMs: flavour.workerWaitMs,
      checkpointEveryMs: o.checkpointEvery * 1000,
      keepCheckpoints: o.keepCheckpoints,
      heartbeatMs: flavour.heartbeatMs,
      auditShare: o.audit,
      divergenceFactor: o.divergence,
      version,
      metrics: registry,
      log: live.log,
      viewed: port !== null,
      tracePath: o.trace,
      workerCommand: flavour.workerCommand,
      onProgress: (progress) => {
        // Where lines do not move, the log has said once what is waited for.
        if (session.moving) session.progress(progressReport(progress));
        else if (progress.phase !== 'gathering')
          session.progress(progressReport({ ...progress, waiting: null }));
      },
    } satisfies CoordinatorConfig);
    live.show(coordinator);
    const summary = await untilTheEnd(coordinator, flavour, { transport, kernels, cacheDir }, session);
    await remember(summary, session);
    session.print(
      runReport(summary, {
        outDir: relative(host.cwd, outDir) || outDir,
        dataDir: o.data,
        resumeCommand: `${flavour.resumeCommand} --data ${o.data} --out ${outDir} --resume`,
      }),
    );
    const received = signals.received();
    if (summary.outcome === 'finished' || received === null) return 0;
    return received === 'SIGTERM' ? 143 : 130;
  } catch (error) {
    live.failed(explainError(error).message);
    throw error;
  } finally {
    session.endProgress();
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

async function untilTheEnd(
  coordinator: Awaited<ReturnType<typeof startCoordinator>>,
  flavour: Flavour,
  workers: { transport: Transport; kernels: Kernels; cacheDir: string },
  { signals, log }: Session,
): Promise<RunSummary> {
  const stop = (): void => {
    // What goes wrong on the way out rejects `finished` too, and is told from there.
    coordinator.stop().catch((error: unknown) => log.debug('stopping failed', { error }));
  };
  signals.stop.addEventListener('abort', stop, { once: true });
  if (signals.stop.aborted) stop();
  let endWorkers: (() => Promise<void>) | null = null;
  // Attached at once: a run that fails while its workers start must not be an unhandled rejection.
  const finished = coordinator.finished.then(
    (summary) => ({ summary }),
    (error: unknown) => ({ error }),
  );
  try {
    endWorkers = await flavour.startWorkers(workers);
    const end = await finished;
    if ('error' in end) throw end.error;
    return end.summary;
  } catch (error) {
    stop();
    await finished;
    throw error;
  } finally {
    signals.stop.removeEventListener('abort', stop);
    await endWorkers?.();
  }
}

async function openPack(
  o: RunOptions,
  spec: TrainingSpec,
  cacheDir: string,
  session: Session,
  preparing: (done: number, total: number) => void,
): Promise<Pack> {
  const { log } = session;
  const validation = spec.validate !== null && 'folder' in spec.validate ? [spec.validate.folder] : [];
  const folders = [
    ...spec.trainFolders,
    ...validation.filter((folder) => !spec.trainFolders.includes(folder)),
  ];
  const startMs = session.host.now();
  const pack = await preparePack({
    dataDir: o.data,
    folders,
    preprocessing: spec.preprocessing,
    cacheDir,
    threads: o.threads ?? Math.min(availableParallelism(), mostDecodeThreads),
    maxRejects: o.maxRejects,
    onProgress: ({ done, total }) => {
      session.progress(packReport(done, total));
      preparing(done, total);
    },
    signal: session.signals.stop,
  });
  session.endProgress();
  log.info('data set ready', {
    samples: pack.manifest.sampleCount,
    rejects: pack.rejects.length,
    cached: pack.fromCache,
    seconds: (session.host.now() - startMs) / 1000,
    hash: pack.manifest.hash.slice(0, 12),
  });
  for (const note of pack.notes) log.info(note);
  for (const { folder, name, reason } of pack.rejects)
    log.warn('not used', { file: `${folder}/${name}`, reason });
  return pack;
}

async function remember(summary: RunSummary, { host, log }: Session): Promise<void> {
  if (summary.outcome !== 'finished') return;
  try {
    await rememberModel(host.env, summary.modelPath);
  } catch (error) {
    log.warn('the run is done, but cnn-infer will not find its model by itself: name it with --model', {
      error,
    });
  }
}

function packReport(done: number, total: number): ProgressReport {
  const unknown = { loss: null, accuracy: null, imagesPerSecond: null, workers: null };
  return { phase: 'preparing images', done, total, ...unknown };
}

function progressReport(p: Progress): ProgressReport {
  const unknown = { loss: null, accuracy: null, imagesPerSecond: null, workers: null };
  if (p.phase === 'gathering')
    return { phase: p.waiting ?? 'waiting for workers', done: 0, total: 0, ...unknown };
  const phases = {
    training: `epoch ${p.epoch}/${p.epochs}`,
    evaluating: `epoch ${p.epoch}/${p.epochs} validating`,
    finished: 'finished',
    stopped: 'stopped',
  } as const;
  return {
    phase: phases[p.phase],
    done: p.step,
    total: p.totalSteps,
    loss: p.loss,
    accuracy: p.accuracy,
    imagesPerSecond: p.imagesPerSecond,
    workers: p.workers,
    secondsLeft: p.etaSeconds,
    note: p.waiting,
  };
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}

/** Local time as `20260131-170412`. */
export function timestamp(date: Date): string {
  const day = `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}
