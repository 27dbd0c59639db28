// Trains on real NumtaDB folders and evaluates on others: accuracy, time, memory. Over RabbitMQ with worker processes where a
// broker is named, else on this machine alone; the model is the same.
//   npm run build && node bench/numta.mjs DATA [--broker amqp://…] [--train training-a,training-b,training-c] [--test training-d]
//     [--recipe lenet] [--epochs 8] [--seeds 1] [--workers 2] [--threads 1]
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  finished,
  infer,
  sha256,
  startCoordinator,
  startTraining,
  startWorker,
  weigh,
  workspace,
} from './programs.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    broker: { type: 'string' },
    train: { type: 'string', default: 'training-a,training-b,training-c' },
    test: { type: 'string', default: 'training-d' },
    recipe: { type: 'string' },
    epochs: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
    threads: { type: 'string', default: '1' },
  },
});
if (positionals.length !== 1) throw new Error('usage: node bench/numta.mjs DATA [--broker amqp://…]');
const data = resolve(positionals[0]);
const { broker, recipe, epochs } = values;
const choices = [
  ...(recipe === undefined ? [] : ['--recipe', recipe]),
  ...(epochs === undefined && recipe !== undefined ? [] : ['--epochs', epochs ?? '8']),
];
const names = Array.from({ length: Number(values.workers) }, (_, i) => `worker-${i + 1}`);

/** The programs of one training, the one that tells the outcome first. */
function start(out, seed) {
  const run = ['--data', data, '--train', values.train, '--seed', seed, '--out', out, ...choices];
  if (broker === undefined) return [startTraining([...run, '--workers', values.workers])];
  const coordinator = startCoordinator(broker, [...run, '--min-workers', values.workers]);
  return [coordinator, ...names.map((name) => startWorker(broker, name, ['--threads', values.threads]))];
}

/** → accuracy by folder, percent */
async function trainAndTest(seed) {
  const out = `${workspace}/run-${seed}`;
  const began = performance.now();
  const programs = start(out, seed);
  const weighed = weigh(programs.map(({ pid }) => pid));
  const summary = await finished(programs[0]);
  await Promise.all(programs.slice(1).map(finished));
  const memory = weighed();
  console.log(`seed ${seed}`);
  console.log(summary.match(/data set ready.*/)?.[0]);
  console.log(summary.match(/Trained .*/)?.[0]);
  const model = `${out}/model.safetensors`;
  console.log(`${((performance.now() - began) / 1000).toFixed(0)} s in all, model ${sha256(model)}`);
  for (const [i, name] of [broker === undefined ? 'onko train' : 'coordinator', ...names].entries()) {
    if (memory[i] === undefined) continue;
    const { peak, firstQuarter, lastQuarter } = memory[i];
    console.log(
      `${name}: peak ${peak.toFixed(0)} MiB, median of the first quarter ${firstQuarter.toFixed(0)}, of the last ${lastQuarter.toFixed(0)}`,
    );
  }
  const accuracy = {};
  for (const folder of values.test.split(',')) {
    const into = ['--out', `${workspace}/${folder}-${seed}`];
    const result = await finished(infer([`${data}/${folder}`, '--eval', '--model', model, ...into]));
    console.log(`${folder}: ${result.match(/accuracy.*/)?.[0]}, ${result.match(/macro F1\s+\S+/)?.[0]}`);
    accuracy[folder] = Number(result.match(/accuracy\s+([\d.]+)/)?.[1]);
  }
  return accuracy;
}

const seeds = values.seeds.split(',');
const rows = [];
for (const seed of seeds) rows.push(await trainAndTest(seed));
if (seeds.length > 1) {
  for (const folder of values.test.split(',')) {
    const mean = rows.reduce((sum, row) => sum + row[folder], 0) / rows.length;
    console.log(`${folder}: mean of ${seeds.length} seeds ${mean.toFixed(2)} %`);
  }
}
