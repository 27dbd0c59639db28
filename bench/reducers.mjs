// What a coordinator has to do for a step with K reducers and without: bytes in, processor time, and how long the step takes. True
// coordinator and reducers on a true RabbitMQ; the workers are simulated, all in this process, and answer at once. Linux only.
//   npm run build:test-programs && node bench/reducers.mjs [--broker amqp://…] [--workers 8,16,32] [--reducers 0,1,2] [--models lenet,wide] [--steps 30]
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { resolveKernels } from '../dist/engine/index.js';
import { brokerOf } from './broker.mjs';
import { table } from './measure.mjs';
import { drawDemo, finished, startCoordinator, startReducer, workspace } from './programs.mjs';
import { figuresOf, increase, metricsUrlOf, processorSecondsOf } from './running.mjs';
import { startSimulatedWorkers } from './simulated-workers.mjs';
import { wide } from './wide-model.mjs';

const { values } = parseArgs({
  options: {
    broker: { type: 'string' },
    workers: { type: 'string', default: '8,16,32' },
    reducers: { type: 'string', default: '0,1,2' },
    models: { type: 'string', default: 'lenet,wide' },
    steps: { type: 'string', default: '30' },
  },
});
const numbers = (text) => text.split(',').map(Number);
const steps = Number(values.steps);
/** Steps that are not measured: connections and buffers are made in them. */
const warmUp = 3;

const widePath = `${workspace}/wide.json`;
writeFileSync(widePath, JSON.stringify(wide));

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const { kernels } = resolveKernels();

const broker = await brokerOf(values.broker);
const data = `${workspace}/data`;
await finished(drawDemo([data, '--count', 'training-a=512']));

async function measure(model, workers, reducers) {
  const name = `${model}-${workers}-${reducers}`;
  const spec = [
    '--data',
    data,
    '--train',
    'training-a',
    '--validate',
    'none',
    '--lr',
    '0.00001',
    '--optimizer',
    'sgd',
  ];
  const cut = ['--model', model === 'wide' ? widePath : model, '--batch', '512', '--microshards', '32'];
  const length = ['--epochs', '100000', '--checkpoint-every', '3600', '--out', `${workspace}/run-${name}`];
  const cluster = ['--min-workers', String(workers), '--reducers', String(reducers)];
  const coordinator = startCoordinator(broker.url, [...spec, ...cut, ...length, ...cluster]);
  const url = await metricsUrlOf(coordinator);
  const summing = Array.from({ length: reducers }, (_, i) => startReducer(broker.url, `reducer-${i}`));
  const names = Array.from({ length: workers }, (_, i) => `simulated-${i + 1}`);
  const end = await startSimulatedWorkers(broker.url, names, { kernels, version });
  const look = async () => ({
    figures: await figuresOf(url),
    atMs: performance.now(),
    coordinator: processorSecondsOf(coordinator.pid),
    reducers: summing.reduce((sum, { pid }) => sum + processorSecondsOf(pid), 0),
    broker: broker.pid === null ? 0 : processorSecondsOf(broker.pid),
  });
  const reaches = async (step) => {
    while (((await figuresOf(url)).get('onko_step') ?? 0) < step) await sleep(300);
    return look();
  };
  const before = await reaches(warmUp);
  const after = await reaches(warmUp + steps);
  coordinator.kill('SIGKILL');
  for (const one of summing) one.kill('SIGKILL');
  await Promise.all([coordinator, ...summing].map(({ ended }) => ended));
  await end();
  const done = after.figures.get('onko_step') - before.figures.get('onko_step');
  const bytes = [...increase(before.figures, after.figures)]
    .filter(([key]) => key.startsWith('onko_bytes_total{') && key.includes('direction="in"'))
    .reduce((sum, [, count]) => sum + count, 0);
  const perStep = (who) => (1000 * (after[who] - before[who])) / done;
  return {
    megabytesIn: bytes / done / 1e6,
    coordinatorMs: perStep('coordinator'),
    reducersMs: perStep('reducers'),
    brokerMs: perStep('broker'),
    stepMs: (after.atMs - before.atMs) / done,
  };
}

const rows = [];
try {
  for (const model of values.models.split(','))
    for (const workers of numbers(values.workers))
      for (const reducers of numbers(values.reducers)) {
        const found = await measure(model, workers, reducers);
        rows.push([model, workers, reducers, ...Object.values(found).map((one) => one.toFixed(2))]);
        console.error(rows.at(-1).join('  '));
      }
} finally {
  await broker.stop();
}
console.log(
  table([
    [
      'model',
      'workers',
      'K',
      'MB into the coordinator',
      'coordinator, ms',
      'reducers, ms',
      'broker, ms',
      'step, ms',
    ],
    ...rows,
  ]),
);
