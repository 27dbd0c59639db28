// What a coordinator weighs with few and with many workers: a true process on a true RabbitMQ, the same model, batch and microshards;
// the workers are simulated (bench/simulated-workers.mjs), so that as many as wanted fit on one machine. Linux only.
//   npm run build && node bench/coordinator-memory.mjs --broker amqp://… [--workers 4,64] [--model lenet] [--microshards 64] [--steps 300]
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { resolveKernels } from '../dist/engine/index.js';
import { median, table } from './measure.mjs';
import { drawDemo, finished, startCoordinator, workspace } from './programs.mjs';
import { pretend, startSimulatedWorkers } from './simulated-workers.mjs';

const { values } = parseArgs({
  options: {
    broker: { type: 'string' },
    workers: { type: 'string', default: '4,64' },
    model: { type: 'string', default: 'lenet' },
    microshards: { type: 'string', default: '64' },
    steps: { type: 'string', default: '300' },
  },
});
const { broker, model } = values;
if (broker === undefined) throw new Error('usage: node bench/coordinator-memory.mjs --broker amqp://…');
const [microshards, steps] = [Number(values.microshards), Number(values.steps)];
const batch = 16 * microshards;
const MiB = 2 ** 20;
/** Probes of the last third; the figures are their medians. */
const probes = 8;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const { kernels } = resolveKernels();
pretend(kernels.numericsId, kernels.name, version);

const data = `${workspace}/data`;
await finished(drawDemo([data, '--count', `training-a=${batch}`]));

const peakRss = (pid) =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

async function weigh(workers) {
  const file = `${workspace}/probe-${workers}`;
  const probe = new URL('memory-probe.mjs', import.meta.url).href;
  const env = { NODE_OPTIONS: `--expose-gc --import=${probe}`, MEMORY_PROBE: file };
  const spec = ['--data', data, '--train', 'training-a', '--validate', 'none', '--model', model];
  const cut = ['--batch', String(batch), '--microshards', String(microshards), '--epochs', String(steps)];
  const run = ['--out', `${workspace}/run-${workers}`, '--min-workers', String(workers), '--lr', '0.00001'];
  const coordinator = startCoordinator(broker, [...spec, ...cut, ...run], env);
  await coordinator.says(/metrics are served url=\S+/);
  const url = /metrics are served url=(\S+)/.exec(coordinator.output())[1];
  const stepsDone = async () => {
    // A new connection each time: an old one may just be closing.
    const response = await fetch(url, { headers: { connection: 'close' } }).catch(() => null);
    return Number(/^onko_step (\d+)/m.exec((await response?.text()) ?? '')?.[1] ?? 0);
  };
  const reaches = async (step) => {
    while ((await stepsDone()) < step) await sleep(100);
  };
  const end = await startSimulatedWorkers(broker, workers);
  // Nobody clears up for it until two thirds are done: its peak is that of an ordinary run.
  await reaches(Math.floor((2 * steps) / 3));
  const peak = peakRss(coordinator.pid);
  for (let i = 1; i <= probes; i++) {
    process.kill(coordinator.pid, 'SIGUSR2');
    await reaches(Math.floor(((2 + i / (probes + 1)) * steps) / 3));
  }
  await finished(coordinator);
  await end();
  const seen = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const of = (name) => median(seen.map((one) => one[name])) / MiB;
  return { peak, rss: of('rss'), heap: of('heapUsed'), buffers: of('arrayBuffers') };
}

const rows = [];
for (const count of values.workers.split(',').map(Number)) rows.push({ count, ...(await weigh(count)) });
const figures = ['rss', 'peak', 'heap', 'buffers'];
console.log(
  `${model}, ${microshards} microshards of 16, ${steps} steps; MiB; "after" means after a garbage collection in mid-run`,
);
console.log(
  table([
    ['workers', 'resident, after', 'resident, peak', 'heap, after', 'buffers, after'],
    ...rows.map((row) => [row.count, ...figures.map((name) => row[name].toFixed(1))]),
  ]),
);
const [few, many] = [rows[0], rows.at(-1)];
const shares = figures.map((name) => `${name} ${((100 * many[name]) / few[name] - 100).toFixed(1)} %`);
console.log(`${many.count} workers against ${few.count}: ${shares.join(', ')}`);
