// What a step costs when nobody computes: weights out, N gradients back, their sum, the next weights. The whole protocol beside a bare
// amqplib loop, in turns, on one RabbitMQ; a process for the coordinator and one for each worker.
//   npm run bench:zero-compute -- [--broker amqp://…] [--workers 1,2,8] [--rounds 5] [--steps 400] [--model lenet]
import { fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildModel, namedSpecs } from '../dist/engine/index.js';
import { brokerOf } from './broker.mjs';
import { median, table } from './measure.mjs';
import { workspace } from './programs.mjs';

const { values } = parseArgs({
  options: {
    broker: { type: 'string' },
    workers: { type: 'string', default: '1,2,8' },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '400' },
    model: { type: 'string', default: 'lenet' },
    /** Passed on to Node in the coordinator of the protocol, like --cpu-prof. */
    flags: { type: 'string', default: '' },
  },
});
const counts = values.workers.split(',').map(Number);
const [rounds, steps] = [Number(values.rounds), Number(values.steps)];
const { model } = values;
const valueBytes = 4 * buildModel(namedSpecs.get(model)).parameterCount;
/** A leaf for each worker, and at least as many as by default. */
const microshards = 2 ** Math.ceil(Math.log2(Math.max(8, ...counts)));

const broker = await brokerOf(values.broker);
let runs = 0;

/** One training of `steps` steps → milliseconds per step, by the clock and of the coordinator's processor time. */
async function measure(way, workers) {
  runs += 1;
  const name = `zero-${process.pid}-${runs}`;
  const folder = `${workspace}/${name}`;
  const size = { workers, steps, model, valueBytes, microshards };
  const children = [];
  const start = (role, worker, execArgv = []) => {
    const settings = JSON.stringify({
      role,
      worker,
      name,
      folder,
      broker: broker.url,
      brokerPid: broker.pid,
      ...size,
    });
    const child = fork(fileURLToPath(new URL(`zero-compute/${way}.mjs`, import.meta.url)), [settings], {
      execArgv,
    });
    children.push(child);
    return child;
  };
  const told = (child) =>
    new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`the ${way} coordinator ended with ${code}`)));
    });
  try {
    const coordinator = start(
      'coordinator',
      '',
      way === 'full' ? values.flags.split(' ').filter(Boolean) : [],
    );
    await told(coordinator);
    for (let i = 1; i <= workers; i++) start('worker', `${name}-worker-${i}`);
    return await told(coordinator);
  } finally {
    const ended = children.map((child) => new Promise((done) => child.once('exit', done)));
    for (const child of children) if (child.connected) child.disconnect();
    await Promise.all(ended);
  }
}

const measured = new Map(counts.map((count) => [count, { bare: [], full: [] }]));
try {
  for (let round = 0; round < rounds; round++) {
    for (const count of counts) {
      const ways = round % 2 === 0 ? ['bare', 'full'] : ['full', 'bare'];
      for (const way of ways) measured.get(count)[way].push(await measure(way, count));
    }
    process.stderr.write(`round ${round + 1} of ${rounds}\n`);
  }
} finally {
  await broker.stop();
}

const of = (results, figure) => median(results.map((result) => result[figure]));
const figures = ['stepMs', 'processorMs', 'brokerMs'];
const rows = [...measured].map(([workers, { bare, full }]) => ({
  workers,
  ratio: median(full.map((result, i) => result.stepMs / bare[i].stepMs)),
  bare: Object.fromEntries(figures.map((figure) => [figure, of(bare, figure)])),
  full: Object.fromEntries(figures.map((figure) => [figure, of(full, figure)])),
}));
const both = (row, figure) => [row.bare[figure].toFixed(2), row.full[figure].toFixed(2)];
console.log(
  `A step without computing, ${model}, ${valueBytes} bytes; medians of ${rounds} rounds of ${steps} steps; load ${loadavg()[0].toFixed(1)}`,
);
console.log('Milliseconds of the clock, and of processor time of the coordinator and of the broker');
console.log(
  table([
    ['workers', 'bare', 'protocol', 'ratio', 'coordinator, bare', 'protocol', 'broker, bare', 'protocol'],
    ...rows.map((row) => [
      row.workers,
      ...both(row, 'stepMs'),
      row.ratio.toFixed(2),
      ...both(row, 'processorMs'),
      ...both(row, 'brokerMs'),
    ]),
  ]),
);
mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(
  new URL('results/zero-compute.json', import.meta.url),
  `${JSON.stringify({ model, valueBytes, rows }, null, 2)}\n`,
);
