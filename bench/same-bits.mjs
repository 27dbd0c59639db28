// One training in several ways: 1, 2 and 3 workers over RabbitMQ, embedded, a worker killed, the coordinator killed. Prints the SHA-256
// of each model file and fails unless they are one.
//   npm run build && node bench/same-bits.mjs DATA --broker amqp://… [--train training-a] [--epochs 10]
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { finished, sha256, startCoordinator, startTraining, startWorker, workspace } from './programs.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    broker: { type: 'string' },
    train: { type: 'string', default: 'training-a' },
    epochs: { type: 'string', default: '10' },
  },
});
const { broker, train, epochs } = values;
if (positionals.length !== 1 || broker === undefined) {
  throw new Error('usage: node bench/same-bits.mjs DATA --broker amqp://…');
}
const spec = ['--data', resolve(positionals[0]), '--train', train, '--epochs', epochs];
const oneThread = ['--threads', '1'];
// Progress is printed every ten seconds: a run that is to be disturbed must take longer.
const midRun = /epoch \d+\/\d+ {2}[1-9]\d* %.*img\/s/;
const outOf = (name) => `${workspace}/${name.replaceAll(' ', '-')}`;

async function quiet(count, out) {
  const coordinator = startCoordinator(broker, [...spec, '--out', out, '--min-workers', String(count)]);
  const workers = Array.from({ length: count }, (_, i) => startWorker(broker, `worker-${i + 1}`, oneThread));
  await finished(coordinator);
  await Promise.all(workers.map(finished));
}

const ways = {
  '1 worker': (out) => quiet(1, out),
  '2 workers': (out) => quiet(2, out),
  '3 workers': (out) => quiet(3, out),
  'embedded, 2 workers': async (out) => {
    await finished(startTraining([...spec, '--out', out, '--workers', '2']));
  },
  'kill -9 of a worker': async (out) => {
    const coordinator = startCoordinator(broker, [...spec, '--out', out, '--min-workers', '2']);
    const victim = startWorker(broker, 'worker-1', oneThread);
    const survivor = startWorker(broker, 'worker-2', oneThread);
    await coordinator.says(midRun);
    victim.kill('SIGKILL');
    await finished(coordinator);
    await finished(survivor);
  },
  'kill -9 of the coordinator, --resume': async (out) => {
    const args = [...spec, '--out', out, '--checkpoint-every', '2'];
    const first = startCoordinator(broker, args);
    const workers = ['worker-1', 'worker-2'].map((name) => startWorker(broker, name, oneThread));
    await first.says(midRun);
    first.kill('SIGKILL');
    await first.ended;
    await finished(startCoordinator(broker, [...args, '--resume']));
    await Promise.all(workers.map(finished));
  },
};

const found = new Set();
for (const [name, run] of Object.entries(ways)) {
  const began = performance.now();
  await run(outOf(name));
  const hash = sha256(`${outOf(name)}/model.safetensors`);
  found.add(hash);
  console.log(`${hash}  ${name} (${((performance.now() - began) / 1000).toFixed(0)} s)`);
}
if (found.size !== 1) throw new Error(`${found.size} different models; expected one`);
console.log('The same bits.');
