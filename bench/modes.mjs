// What the modes of docs/modes.md cost and bring, beside exact training.
//   npm run build && node bench/modes.mjs DATA --broker amqp://localhost [--rates none,1000,100] [--seconds 10] [--rounds 1] [--slow SHARE]
//     two workers, each in a network namespace behind a link of so many Mbit/s: bytes per image as the network card counts them, bytes of
//     gradients and weights per step as the coordinator counts them, images per second; medians of the rounds, which are interleaved.
//     --slow 0.1 lets the second worker run for a tenth of the time only (SIGSTOP, SIGCONT). Linux, root.
//   npm run build && node bench/modes.mjs DATA --accuracy [--seeds 1] [--epochs 20] [--test training-d,raw180] [--workers 2]
//     accuracy of each, trained on a+b+c on this machine alone.
// --only exact,int8 takes some of them.
import { loadavg } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { median, table } from './measure.mjs';
import { finished, infer, startCoordinator, startTraining, startWorker, workspace } from './programs.mjs';
import { shapedLinks } from './shaped-links.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    broker: { type: 'string' },
    rates: { type: 'string', default: 'none,1000,100' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '1' },
    slow: { type: 'string' },
    accuracy: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '1' },
    epochs: { type: 'string' },
    train: { type: 'string' },
    test: { type: 'string', default: 'training-d' },
    workers: { type: 'string', default: '2' },
    only: { type: 'string' },
  },
});
const { broker, accuracy, only } = values;
if (positionals.length !== 1 || (broker === undefined && !accuracy))
  throw new Error('usage: node bench/modes.mjs DATA --broker amqp://… | --accuracy');
const data = resolve(positionals[0]);
// So that what is told to run at the exit, which ends programs and links, also runs then.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const local = ['--recipe', 'lenet-local'];
const plain = ['--recipe', 'lenet'];
const all = {
  exact: plain,
  'bf16 weights': [...plain, '--weights-dtype', 'bf16'],
  'fp16 gradients': [...plain, '--gradients', 'fp16'],
  'int8 gradients': [...plain, '--gradients', 'int8'],
  'topk gradients': [...plain, '--gradients', 'topk'],
  'bf16 and int8': [...plain, '--weights-dtype', 'bf16', '--gradients', 'int8'],
  async: [...plain, '--mode', 'async'],
  'bf16 and topk': [...plain, '--weights-dtype', 'bf16', '--gradients', 'topk'],
  'local-sgd': local,
  'local-sgd with bf16 and int8': [...local, '--weights-dtype', 'bf16', '--gradients', 'int8'],
};
const modes = Object.entries(all).filter(([name]) => only === undefined || only.split(',').includes(name));

if (accuracy) await compareAccuracy();
else await compareTraffic();

async function compareAccuracy() {
  const folders = values.test.split(',');
  const rows = [['mode', 'seed', ...folders.map((folder) => `${folder}, %`), 's']];
  for (const seed of values.seeds.split(',')) {
    for (const [name, options] of modes) {
      const out = `${workspace}/${name.replaceAll(/[^\w]+/g, '-')}-${seed}`;
      const train = values.train ?? 'training-a,training-b,training-c';
      const epochs = values.epochs === undefined ? [] : ['--epochs', values.epochs];
      const began = performance.now();
      const run = [
        '--data',
        data,
        '--train',
        train,
        '--seed',
        seed,
        '--out',
        out,
        '--workers',
        values.workers,
      ];
      await finished(startTraining([...run, ...options, ...epochs, '--metrics-port', 'none']));
      const seconds = (performance.now() - began) / 1000;
      const found = [];
      for (const folder of folders) {
        const into = ['--out', `${out}-${folder}`, '--model', `${out}/model.safetensors`];
        const report = await finished(infer([`${data}/${folder}`, '--eval', ...into]));
        found.push(report.match(/accuracy\s+([\d.]+)/)?.[1]);
      }
      rows.push([name, seed, ...found, seconds.toFixed(0)]);
      console.log(rows.at(-1).join('  '));
    }
  }
  console.log(`\n${table(rows)}`);
}

const of = ({ found }, what) => median(found.map((one) => one[what]));

async function compareTraffic() {
  const cases = values.rates
    .split(',')
    .flatMap((rate) => modes.map(([name, options]) => ({ rate, name, options, found: [] })));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { rate, name, options, found } of round % 2 === 0 ? cases : cases.toReversed()) {
      const one = await measure(options, rate === 'none' ? null : Number(rate) * 1e6);
      found.push(one);
      console.log(
        `round ${round + 1}, ${rate}, ${name}: ${JSON.stringify(one)}, load ${loadavg()[0].toFixed(1)}`,
      );
    }
  }
  const rows = cases.map((one) => {
    const exact = cases.find(({ rate, name }) => rate === one.rate && name === 'exact');
    const share =
      exact === undefined ? '–' : ((100 * of(one, 'bytesPerImage')) / of(exact, 'bytesPerImage')).toFixed(1);
    return [
      one.name,
      one.rate,
      of(one, 'imagesPerSecond').toFixed(0),
      of(one, 'bytesPerImage').toFixed(0),
      share,
      of(one, 'gradientBytes').toFixed(0),
      of(one, 'weightsBytes').toFixed(0),
      of(one, 'missedUpdates').toFixed(1),
      (100 * of(one, 'refusedShare')).toFixed(1),
    ];
  });
  const head = ['mode', 'link, Mbit/s', 'images/s', 'bytes/image', '% of exact', 'gradients, bytes/step'];
  console.log(
    `\n${table([[...head, 'weights, bytes/step', 'updates missed', 'computed again, %'], ...rows])}`,
  );
}

/** Lets a process run for a share of the time, a tenth of a second at a time; returns how to end that. */
function slowDown(program, share) {
  const periodMs = 100;
  let timer = setInterval(() => {
    program.kill('SIGCONT');
    setTimeout(() => timer !== null && program.kill('SIGSTOP'), periodMs * share);
  }, periodMs);
  return () => {
    clearInterval(timer);
    timer = null;
    program.kill('SIGCONT');
  };
}

/** Between two looks at the same run, both long after its start: the data blocks have travelled by then. */
async function measure(options, rateBits) {
  const workers = 2;
  const links = await shapedLinks(workers, rateBits, broker);
  const home = `${workspace}/run-${performance.now().toFixed(0)}`;
  const run = ['--data', data, '--train', values.train ?? 'training-a', '--out', home, '--epochs', '1000'];
  const programs = [];
  let mend = null;
  try {
    const coordinator = startCoordinator(broker, [...run, ...options, '--min-workers', String(workers)]);
    programs.push(coordinator);
    await coordinator.says(/metrics are served url=\S+/);
    const url = /metrics are served url=(\S+)/.exec(coordinator.output())[1];
    for (const [i, { namespace, broker: own }] of links.entries())
      programs.push(
        startWorker(own, `worker-${i + 1}`, ['--threads', '1'], ['ip', 'netns', 'exec', namespace]),
      );
    const look = async () => {
      const text = await (await fetch(url, { headers: { connection: 'close' } })).text();
      const lines = text.split('\n');
      const read = (name, ...labels) => {
        const line = lines.find(
          (one) => one.startsWith(name) && labels.every((label) => one.includes(label)),
        );
        return Number(line?.split(' ').at(-1) ?? 0);
      };
      return {
        ms: performance.now(),
        bytes: links.reduce((sum, link) => sum + link.bytes(), 0),
        steps: read('onko_steps_total{'),
        images: read('onko_images_total{', 'mode="train"'),
        gradients: read('onko_bytes_total{', 'direction="in"', 'type="result"'),
        weights: read('onko_bytes_total{', 'direction="out"', 'type="weights"'),
        missed: read('onko_gradient_staleness_updates_sum{'),
        refused: read('onko_rejects_total{', 'reason="too_stale"'),
      };
    };
    // Samples come in random order: by then every worker has had every data block, as good as certainly.
    for (let now = await look(); now.images < 8192; now = await look()) await sleep(200);
    if (values.slow !== undefined) mend = slowDown(programs.at(-1), Number(values.slow));
    const before = await look();
    await sleep(Number(values.seconds) * 1000);
    const after = await look();
    const steps = after.steps - before.steps;
    return {
      imagesPerSecond: ((after.images - before.images) * 1000) / (after.ms - before.ms),
      bytesPerImage: (after.bytes - before.bytes) / (after.images - before.images),
      gradientBytes: (after.gradients - before.gradients) / steps,
      weightsBytes: (after.weights - before.weights) / steps,
      missedUpdates: (after.missed - before.missed) / steps,
      refusedShare: (after.refused - before.refused) / steps,
    };
  } finally {
    mend?.();
    for (const program of programs) program.kill('SIGKILL');
    await Promise.all(programs.map(({ ended }) => ended));
    links[0].close();
  }
}
