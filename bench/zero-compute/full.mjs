// A step of the whole protocol without its computing: the real coordinator (links, ledger, fold, optimizer, metrics), and workers that
// speak through the real link and answer with a prepared gradient as soon as task and weights are there. Started by
// ../zero-compute.mjs, one process for each part.
import { randomBytes } from 'node:crypto';
import { collectAtOnce } from '../../dist/cli/garbage.js';
import { parseTrainingSpec, startCoordinator } from '../../dist/coordinator/index.js';
import { defaultPreprocessing } from '../../dist/data/index.js';
import { namedSpecs, resolveKernels } from '../../dist/engine/index.js';
import { createRegistry } from '../../dist/metrics/index.js';
import { createRabbitTransport } from '../../dist/transport/index.js';
import { report, settings, stopwatch } from './part.mjs';

const { role, broker, name, workers, steps, model, batch, microshards, folder } = settings;
collectAtOnce(); // As every command does.
const version = 'bench';
const { kernels } = resolveKernels();
const transport = await createRabbitTransport({ url: broker, connectionName: `zero-compute ${name}` });
const silent = { debug() {}, info() {}, warn: console.error, error: console.error, child: () => silent };

/** Samples that nobody ever asks for. */
function emptyPack(sampleCount, sampleBytes) {
  const hash = randomBytes(32).toString('hex');
  const folders = [{ name: 'none', first: 0, count: sampleCount }];
  const blocks = [{ hash, samples: sampleCount }];
  const shape = { sampleBytes, samplesPerBlock: sampleCount, sampleCount };
  return {
    manifest: { hash, preprocessing: defaultPreprocessing, ...shape, blocks, folders },
    labels: new Uint8Array(sampleCount),
    names: String,
    rejects: [],
    notes: [],
    fromCache: true,
    readBlock: () => Promise.reject(new Error('no samples')),
    reader: { read() {} },
    close: async () => undefined,
  };
}

async function coordinate() {
  const watch = stopwatch(steps);
  const spec = parseTrainingSpec({
    model: namedSpecs.get(model),
    preprocessing: defaultPreprocessing,
    optimizer: 'adamw',
    schedule: 'constant',
    learningRate: 1e-5,
    epochs: 1,
    batch,
    microshards,
    seed: 1,
    validate: null,
    trainFolders: ['none'],
  });
  let seen = 0;
  const coordinator = await startCoordinator({
    spec,
    pack: emptyPack(batch * watch.total, 1024),
    transport,
    kernels,
    outDir: folder,
    resume: false,
    runName: name,
    minWorkers: workers,
    workerWaitMs: 60_000,
    checkpointEveryMs: 3_600_000,
    keepCheckpoints: 1,
    heartbeatMs: 2_000,
    version,
    metrics: createRegistry(),
    log: silent,
    onProgress: ({ step }) => {
      if (step <= seen) return;
      seen = step;
      watch.step();
    },
  });
  report({ ready: true });
  await coordinator.finished;
  report(watch.result());
}

async function work() {
  const worker = settings.worker;
  const link = await transport.openWorker({ worker });
  let gradient = null;
  let versionHere = -1;
  let waiting = [];
  const none = new Uint32Array(0);

  const answer = async ({ run, fence, step, pass, weightsVersion, node, mode, samples }, settle) => {
    const place = { run, fence, step, pass, weightsVersion, node, mode, worker };
    const sums = {
      samples: samples.length,
      lossSum: 2.3 * samples.length,
      correct: 0,
      confusion: none,
      segmentMarks: [],
      badSegments: 0,
    };
    const nowMs = performance.now();
    const times = { fetchMs: 0, waitMs: 0, computeMs: 0, takenAtMs: nowMs, sentAtMs: nowMs, thread: 0 };
    await link.publishResult({ type: 'result', ...place, ...sums, encoding: 'f32', gradient, ...times });
    settle('ack');
  };
  const answerWhatCanBe = () => {
    const ready = waiting.filter(({ task }) => task.weightsVersion === versionHere);
    waiting = waiting.filter(({ task }) => task.weightsVersion !== versionHere);
    for (const { task, settle } of ready) void answer(task, settle).catch(() => settle('requeue'));
  };

  const take = (task) =>
    new Promise((settle) => {
      waiting.push({ task, settle });
      answerWhatCanBe();
    });
  const takeWeights = (message) => {
    versionHere = message.version;
    answerWhatCanBe();
  };
  const join = async ({ run, fence, heartbeatMs, parameterCount }) => {
    gradient = new Uint8Array(Float32Array.from({ length: parameterCount }, (_, i) => (i % 7) * 1e-4).buffer);
    await link.joinRun(run, { prefetch: 2, task: take, weights: takeWeights });
    await link.send(run, { type: 'ready', run, fence, worker, threads: 1 });
    const beat = { nodes: [], steps: [], images: 0, rssBytes: 0, eventLoopLagMs: 0 };
    setInterval(
      () => void link.send(run, { type: 'heartbeat', run, fence, worker, ...beat }).catch(() => undefined),
      heartbeatMs,
    );
  };
  await link.receive((message) => {
    if (message.type === 'offer' && message.run === name) void join(message);
  });
  const { numericsId } = kernels;
  const description = { numericsId, kernels: kernels.name, version, host: 'simulated', pid: 1, threads: 1 };
  await link.hello({ type: 'hello', worker, ...description });
}

await (role === 'coordinator' ? coordinate() : work());
