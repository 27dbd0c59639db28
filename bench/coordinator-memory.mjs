// What a coordinator weighs with few and with many workers: a true process on a true RabbitMQ, the same model, batch and microshards;
// the workers are simulated (bench/simulated-workers.mjs), so that as many as wanted fit on one machine. Linux only.
//   npm run build:test-programs && node bench/coordinator-memory.mjs [--broker amqp://…] [--workers 4,256] [--model lenet]
//     [--microshards 256] [--seconds 90]
// A coordinator of few workers does many more steps in that time: both have to come to where V8 clears up now and then, which takes a minute.
// Without --broker it starts a RabbitMQ of its own.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { resolveKernels } from '../dist/engine/index.js';
import { brokerOf } from './broker.mjs';
import { median, table } from './measure.mjs';
import { drawDemo, finished, startCoordinator, workspace } from './programs.mjs';
import { figuresOf, metricsUrlOf } from './running.mjs';
import { startSimulatedWorkers } from './simulated-workers.mjs';

const { values } = parseArgs({
  options: {
    broker: { type: 'string' },
    workers: { type: 'string', default: '4,256' },
    model: { type: 'string', default: 'lenet' },
    microshards: { type: 'string', default: '256' },
    seconds: { type: 'string', default: '90' },
  },
});
const { model } = values;
const [microshards, seconds] = [Number(values.microshards), Number(values.seconds)];
const batch = 16 * microshards;
const stepsPerEpoch = 4;
const endless = 100_000;
let runs = 0;
const MiB = 2 ** 20;
/** Milliseconds that a block takes, at most: so results arrive in any order. */
const longestMs = 20;
const pauseMs = () => Math.random() * longestMs;
/** Probes of the last third; the figures are their medians. */
const probes = 8;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const { kernels } = resolveKernels();
const broker = await brokerOf(values.broker);

const data = `${workspace}/data`;
await finished(drawDemo([data, '--count', `training-a=${stepsPerEpoch * batch}`]));

/** The most that was resident of a process so far, MiB; null when it is gone. */
function peakRss(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return null;
  }
}

/** A coordinator that trains for so many epochs, and how to end its workers. */
async function start(workers, epochs, env = {}) {
  const spec = ['--data', data, '--train', 'training-a', '--validate', 'none', '--model', model];
  const cut = ['--batch', String(batch), '--microshards', String(microshards), '--epochs', String(epochs)];
  runs += 1;
  const out = `${workspace}/run-${runs}`;
  const run = ['--out', out, '--min-workers', String(workers), '--lr', '0.00001'];
  const coordinator = startCoordinator(broker.url, [...spec, ...cut, ...run], env);
  const names = Array.from({ length: workers }, (_, i) => `simulated-${i + 1}`);
  const end = await startSimulatedWorkers(broker.url, names, { kernels, version, fetches: true, pauseMs });
  return { coordinator, end };
}

/** The images are decoded and packed by then: what that takes is none of the workers' doing. */
async function packOnce() {
  const { coordinator, end } = await start(1, 1);
  await finished(coordinator);
  await end();
}

async function weigh(workers) {
  const file = `${workspace}/probe-${workers}`;
  const probe = new URL('memory-probe.mjs', import.meta.url).href;
  const env = { NODE_OPTIONS: `--expose-gc --import=${probe}`, MEMORY_PROBE: file };
  const { coordinator, end } = await start(workers, endless, env);
  const url = await metricsUrlOf(coordinator);
  while (((await figuresOf(url)).get('onko_step') ?? 0) < 1) await sleep(100);
  // Nobody clears up for it until two thirds are done: its peak is that of an ordinary run.
  await sleep((2 * seconds * 1000) / 3);
  const peak = peakRss(coordinator.pid);
  for (let i = 0; i < probes; i++) {
    process.kill(coordinator.pid, 'SIGUSR2');
    await sleep((seconds * 1000) / 3 / probes);
  }
  const steps = (await figuresOf(url)).get('onko_step');
  coordinator.kill('SIGTERM');
  // The curves, at the end, take more than any step.
  let whole = peak;
  const watching = setInterval(() => (whole = peakRss(coordinator.pid) || whole), 20);
  await coordinator.ended;
  clearInterval(watching);
  await end();
  const seen = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const of = (name) => median(seen.map((one) => one[name])) / MiB;
  return { steps, peak, whole, rss: of('rss'), heap: of('heapUsed'), buffers: of('arrayBuffers') };
}

const rows = [];
try {
  await packOnce();
  for (const count of values.workers.split(',').map(Number)) rows.push({ count, ...(await weigh(count)) });
} finally {
  await broker.stop();
}
const figures = ['rss', 'peak', 'whole', 'heap', 'buffers'];
console.log(
  `${model}, ${microshards} microshards of 16, ${seconds} s; MiB; "after" means after a garbage collection in mid-run`,
);
console.log(
  table([
    [
      'workers',
      'steps',
      'resident, after',
      'resident, peak of the steps',
      'and of the whole run',
      'heap, after',
      'buffers, after',
    ],
    ...rows.map((row) => [row.count, row.steps, ...figures.map((name) => row[name].toFixed(1))]),
  ]),
);
const [few, many] = [rows[0], rows.at(-1)];
const shares = figures.map((name) => `${name} ${(many[name] / few[name]).toFixed(2)}×`);
console.log(`${many.count} workers against ${few.count}: ${shares.join(', ')}`);
