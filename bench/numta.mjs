// Trains over RabbitMQ with worker processes on real NumtaDB folders and evaluates on others: accuracy, time, memory.
//   npm run build && node bench/numta.mjs DATA --broker amqp://… [--train training-a,training-b,training-c] [--test training-d]
//     [--epochs 8] [--workers 2] [--threads 1]
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { finished, infer, sha256, startCoordinator, startWorker, weigh, workspace } from './cluster.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    broker: { type: 'string' },
    train: { type: 'string', default: 'training-a,training-b,training-c' },
    test: { type: 'string', default: 'training-d' },
    epochs: { type: 'string', default: '8' },
    workers: { type: 'string', default: '2' },
    threads: { type: 'string', default: '1' },
  },
});
const { broker, train, epochs, threads } = values;
if (positionals.length !== 1 || broker === undefined) {
  throw new Error('usage: node bench/numta.mjs DATA --broker amqp://…');
}
const data = resolve(positionals[0]);
const out = `${workspace}/run`;
const spec = ['--data', data, '--train', train, '--epochs', epochs];
const into = ['--out', out, '--min-workers', values.workers];
const began = performance.now();
const coordinator = startCoordinator(broker, [...spec, ...into]);
const names = Array.from({ length: Number(values.workers) }, (_, i) => `worker-${i + 1}`);
const workers = names.map((name) => startWorker(broker, name, ['--threads', threads]));
const weighed = weigh([coordinator.pid, ...workers.map(({ pid }) => pid)]);
const summary = await finished(coordinator);
await Promise.all(workers.map(finished));
const memory = weighed();

console.log(summary.match(/data set ready.*/)?.[0]);
console.log(summary.match(/Trained .*\n.*\n.*/)?.[0]);
console.log(
  `${((performance.now() - began) / 1000).toFixed(0)} s in all, model ${sha256(`${out}/model.safetensors`)}`,
);
for (const [i, name] of ['coordinator', ...names].entries()) {
  const { peak, firstQuarter, lastQuarter } = memory[i];
  console.log(
    `${name}: peak ${peak.toFixed(0)} MiB, median of the first quarter ${firstQuarter.toFixed(0)}, of the last ${lastQuarter.toFixed(0)}`,
  );
}
for (const folder of values.test.split(',')) {
  const result = await finished(
    infer([
      `${data}/${folder}`,
      '--eval',
      '--model',
      `${out}/model.safetensors`,
      '--out',
      `${workspace}/${folder}`,
    ]),
  );
  console.log(`${folder}: ${result.match(/accuracy.*/)?.[0]}, ${result.match(/macro F1\s+\S+/)?.[0]}`);
}
