// Who trains how many images per second on this machine: the engine alone, threads of one process, worker processes over RabbitMQ,
// PyTorch's DistributedDataParallel; the same model, images and global batch. All take turns, several rounds. Linux only.
//   npm run bench:cluster -- [DATA --train training-a] [--broker amqp://…] [--without pytorch] [--models lenet,vgg-small]
//     [--batches 128,256,512,1024] [--rounds 3] [--seconds 5]
// Without DATA it draws the demo set first, without --broker it starts a RabbitMQ of its own.
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { brokerOf } from './broker.mjs';
import { ddp, embedded, engines, overRabbitMq } from './cluster/contenders.mjs';
import { writeImages } from './cluster/images.mjs';
import { median, table } from './measure.mjs';
import { pythonWithDdp } from './peers/ddp.mjs';
import { drawDemo, finished, workspace } from './programs.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    broker: { type: 'string' },
    train: { type: 'string', default: 'training-a' },
    models: { type: 'string', default: 'lenet,vgg-small' },
    batches: { type: 'string', default: '128,256,512,1024' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    without: { type: 'string', multiple: true, default: [] },
  },
});
const { train } = values;
const models = values.models.split(',');
const batches = values.batches.split(',').map(Number);
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
const unknown = values.without.filter((one) => one !== 'pytorch');
if (unknown.length > 0) throw new Error(`--without takes pytorch, got ${unknown.join(', ')}`);

let data = positionals[0] === undefined ? null : resolve(positionals[0]);
if (data === null) {
  data = `${workspace}/demo`;
  await finished(drawDemo([data, '--count', `${train}=4096`]));
}
const images = await writeImages(data, train.split(','), `${workspace}/packs`, `${workspace}/images`);

const python = values.without.includes('pytorch') ? null : await pythonWithDdp();
if (python === null) {
  const why = values.without.includes('pytorch') ? 'as asked' : 'no python3 here has torch.distributed';
  console.log(`Without PyTorch: ${why}.`);
}
const broker = await brokerOf(values.broker);
if (broker.pid === null) console.log('The broker is not on this machine: what it uses is not counted.');

const contenders = [
  engines(1),
  engines(2),
  embedded(1),
  embedded(2),
  overRabbitMq(1, broker),
  overRabbitMq(1, broker, [], 2),
  overRabbitMq(2, broker),
  ...(python === null ? [] : [ddp(2, python)]),
];

/** All measurements of each contender, by model and batch. */
const measured = models.flatMap((model) =>
  batches.map((batch) => ({ model, batch, of: new Map(contenders.map(({ name }) => [name, []])) })),
);
try {
  for (let round = 0; round < rounds; round++) {
    for (const { model, batch, of } of measured) {
      // Turned round every other time: who comes first is not always the same.
      const turns = round % 2 === 0 ? contenders : contenders.toReversed();
      for (const { name, measure } of turns)
        of.get(name).push(await measure({ model, batch, seconds, data, train, images }));
      process.stderr.write(`round ${round + 1} of ${rounds}: ${model}, ${batch}\n`);
    }
  }
} finally {
  await broker.stop();
}

/** Median of a figure that may be deep inside; undefined where there is none. */
function middle(results, figure) {
  const found = results.map(figure).filter((value) => value !== undefined);
  return found.length === 0 ? undefined : median(found);
}
const shown = (value, digits = 0) => (value === undefined ? '' : value.toFixed(digits));
const phaseNames = ['compute', 'queue', 'broadcast', 'sum', 'update'];

const report = measured.map(({ model, batch, of }) => {
  const alone = of.get('engine alone');
  const rows = [...of].map(([name, results]) => ({
    name,
    imagesPerSecond: middle(results, (one) => one.imagesPerSecond),
    ofEngine: median(results.map((one, i) => one.imagesPerSecond / alone[i].imagesPerSecond)),
    stepMs: middle(results, (one) => one.stepMs),
    phases: phaseNames.map((phase) => middle(results, (one) => one.phases?.[phase])),
    bytesPerStep: middle(results, (one) => one.bytesPerStep),
    processor: Object.keys(results[0].processorSecondsPerImage ?? {}).map((process) => [
      process,
      1e6 * median(results.map((one) => one.processorSecondsPerImage[process])),
    ]),
  }));
  return { model, batch, rows };
});

console.log(
  `Images of ${train} (${images.count}); medians of ${rounds} rounds of ${seconds} s; load ${loadavg()[0].toFixed(1)}`,
);
for (const { model, batch, rows } of report) {
  console.log(`\n${model}, global batch ${batch}`);
  console.log(
    table([
      [
        '',
        'images/s',
        'of the engine',
        'step, ms',
        ...phaseNames,
        'KB/step',
        'processor s per million images',
      ],
      ...rows.map((row) => [
        row.name,
        shown(row.imagesPerSecond),
        shown(row.ofEngine, 2),
        shown(row.stepMs, 2),
        ...row.phases.map((ms) => shown(ms, 2)),
        row.bytesPerStep > 0 ? shown(row.bytesPerStep / 1000) : '',
        row.processor.map(([process, used]) => `${process} ${used.toFixed(1)}`).join(', '),
      ]),
    ]),
  );
}
mkdirSync(new URL('results/', import.meta.url), { recursive: true });
writeFileSync(new URL('results/cluster.json', import.meta.url), `${JSON.stringify(report, null, 2)}\n`);
