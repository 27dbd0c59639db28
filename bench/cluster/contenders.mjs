// Who takes part in the cluster benchmark. Each trains one model with one global batch for some seconds and tells how many images per
// second that were, and what else it knows: milliseconds of a step by phase, bytes of a step, and seconds of processor time per image
// of each process.
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { trainDdp } from '../peers/ddp.mjs';
import { startCoordinator, startTraining, startWorker, workspace } from '../programs.mjs';
import { figuresOf, increase, metricsUrlOf, processorSecondsOf } from '../running.mjs';

const phases = ['compute', 'queue', 'broadcast', 'sum', 'update'];
/** Before the clock starts: threads, compiled code, the first epoch's order. */
const warmUpMs = 6_000;
let runs = 0;

/** As many independent engines at once: what this machine gives, if nobody has to wait for anybody. */
export function engines(count) {
  const file = fileURLToPath(new URL('./engine-alone.mjs', import.meta.url));
  return {
    name: count === 1 ? 'engine alone' : `${count} engines, apart`,
    async measure({ model, batch, seconds, images }) {
      const given = JSON.stringify({ model, batch, seconds, ...images });
      const run = () => promisify(execFile)(process.execPath, [file, given]);
      const outputs = await Promise.all(Array.from({ length: count }, run));
      const rates = outputs.map(({ stdout }) => JSON.parse(stdout).imagesPerSecond);
      return { imagesPerSecond: rates.reduce((a, b) => a + b, 0) };
    },
  };
}

/** What a training without validation and without an end is told. */
function trainingOf({ model, batch, data, train }) {
  runs += 1;
  const spec = ['--data', data, '--train', train, '--model', model, '--batch', String(batch)];
  const endless = ['--epochs', '100000', '--validate', 'none', '--checkpoint-every', '3600'];
  return [...spec, ...endless, '--out', `${workspace}/run-${runs}`, '--metrics-port', '0'];
}

/** Looks at a run twice; `pids` by name. */
async function watch(program, pids, { batch, seconds }) {
  const url = await metricsUrlOf(program);
  const look = async () => ({
    figures: await figuresOf(url),
    atMs: performance.now(),
    processor: Object.entries(pids).map(([name, pid]) => [name, processorSecondsOf(pid)]),
  });
  while (((await figuresOf(url)).get('onko_steps_total') ?? 0) === 0) await sleep(100);
  await sleep(warmUpMs);
  const before = await look();
  await sleep(1000 * seconds);
  const after = await look();
  const more = increase(before.figures, after.figures);
  const images = more.get('onko_images_total{mode="train"}');
  const steps = images / batch;
  const bytes = [...more].filter(([name]) => name.startsWith('onko_bytes_total')).map(([, value]) => value);
  const stepMs = (name) => (1000 * more.get(name)) / more.get('onko_step_seconds_count');
  return {
    imagesPerSecond: (1000 * images) / (after.atMs - before.atMs),
    stepMs: stepMs('onko_step_seconds_sum'),
    phases: Object.fromEntries(
      phases.map((phase) => [phase, stepMs(`onko_step_phase_seconds_sum{phase="${phase}"}`)]),
    ),
    bytesPerStep: bytes.reduce((a, b) => a + b, 0) / steps,
    processorSecondsPerImage: Object.fromEntries(
      after.processor.map(([name, used], i) => [name, (used - before.processor[i][1]) / images]),
    ),
  };
}

async function ending(programs) {
  for (const program of programs) program.kill('SIGTERM');
  await Promise.all(programs.map(({ ended }) => ended));
}

/** `onko train`: coordinator and workers are threads of one process. */
export const embedded = (threads) => ({
  name: `embedded, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
  async measure(what) {
    const program = startTraining([...trainingOf(what), '--workers', String(threads)]);
    try {
      return await watch(program, { 'onko train': program.pid }, what);
    } finally {
      await ending([program]);
    }
  },
});

/** A coordinator and worker processes with so many threads each, over RabbitMQ. `more`: options of the run beside those of all. */
export const overRabbitMq = (workers, broker, more = [], threads = 1) => ({
  name: `RabbitMQ, ${workers} ${workers === 1 ? 'worker' : 'workers'}${threads === 1 ? '' : ` of ${threads} threads`}`,
  async measure(what) {
    const names = Array.from({ length: workers }, (_, i) => `worker-${i + 1}`);
    const given = [...trainingOf(what), ...more, '--min-workers', String(workers)];
    const coordinator = startCoordinator(broker.url, given);
    const started = names.map((name) => startWorker(broker.url, name, ['--threads', String(threads)]));
    const pids = { coordinator: coordinator.pid };
    if (broker.pid !== null) pids.broker = broker.pid;
    for (const [i, name] of names.entries()) pids[name] = started[i].pid;
    try {
      return await watch(coordinator, pids, what);
    } finally {
      await ending([coordinator]);
      await ending(started);
    }
  },
});

/** PyTorch's DistributedDataParallel, gloo. */
export const ddp = (processes, python) => ({
  name: `PyTorch DDP, ${processes} processes`,
  async measure({ model, batch, seconds, images }) {
    const { imagesPerSecond, processorSecondsPerImage } = await trainDdp(python, {
      model,
      batch,
      seconds,
      processes,
      images,
    });
    const byRank = processorSecondsPerImage.map((used, rank) => [`rank ${rank}`, used]);
    return { imagesPerSecond, processorSecondsPerImage: Object.fromEntries(byRank) };
  },
});
