// Images per second of one thread, ours and others', taking turns in one run; how long one image takes; how much memory a plan
// has; where the time of a step goes; and what single kernels do of the core's peak.
//   npm run bench:engine -- [--models lenet,vgg-small] [--batches 32,64,256] [--rounds 3] [--no-peers] [--no-kernels]

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { benchKernels } from './kernels.mjs';
import { median, table } from './measure.mjs';
import { availableKernels, namedSpecs, switchedOn } from './onko.mjs';
import { onnxruntime, tensorflow } from './peers/node-modules.mjs';
import { ours, planOf } from './peers/ours.mjs';
import { numpy, torch } from './peers/python.mjs';
import { benchSteps } from './step.mjs';

const { values } = parseArgs({
  allowNegative: true,
  options: {
    models: { type: 'string', default: 'lenet,vgg-small' },
    batches: { type: 'string', default: '32,64,256' },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'boolean', default: true },
    kernels: { type: 'boolean', default: true },
  },
});
const models = values.models.split(',');
const batches = values.batches.split(',').map(Number);
const rounds = Number(values.rounds);
/** Processor time of one turn, and where a slow contender's turns end. */
const roundSeconds = 0.25;
const mostSeconds = 2;

/** NumtaDB is grey, and ours computes one channel where it knows that. So ours also runs on bytes in colour, the work of the others. */
const backends = [...availableKernels.values()];
const colour = models.some((name) => namedSpecs.get(name).input[0] > 1)
  ? backends.filter(({ name }) => name !== 'reference')
  : [];
const contenders = [
  ...backends.map((kernels) => ours(kernels)),
  ...colour.map((kernels) => ours(kernels, { colour: true })),
];
if (values.peers)
  contenders.push(...(await torch()), ...onnxruntime(), ...(await tensorflow()), ...(await numpy()));
/** A batch of 1 is for how long one image takes. */
const workloads = models.flatMap((name) => [
  { name, mode: 'infer', batch: 1 },
  ...batches.flatMap((batch) => ['train', 'infer'].map((mode) => ({ name, mode, batch }))),
]);

const load = () => loadavg()[0].toFixed(1);
console.log(
  `${cpus()[0].model.trim()}, Node ${process.version}${switchedOn ? ' with relaxed SIMD switched on' : ''}, one thread each; of processor time, medians of ${rounds} rounds; load at the start ${load()}`,
);

if (colour.length > 0) {
  console.log(
    'Ours gets grey images, as NumtaDB has them, and computes their one channel; in the rows named "colour" images of as many\n' +
      'channels as the model takes, all computed. The others get the model as it is written.',
  );
}

/** A contender's turns at some number of images: batches that it takes in the same number of images share them. */
const turns = new Map();
function turnsOf(c, { name, mode, batch }) {
  const images = Math.min(batch, contenders[c].most(name, mode));
  const key = [c, name, mode, images].join();
  if (!turns.has(key)) turns.set(key, { work: { name, mode, images }, rates: [], spent: 0, round: -1 });
  return turns.get(key);
}

/** Images per second in one turn. The first call tells how many more fit; if it fills the turn, it is the turn. */
async function takeTurn(contender, turn) {
  const [once] = await contender.seconds(turn.work, 1);
  const calls = Math.max(1, Math.min(200, Math.round(roundSeconds / once)));
  const seconds = once >= roundSeconds ? [once] : await contender.seconds(turn.work, calls);
  turn.rates.push(turn.work.images / median(seconds));
  turn.spent += once + (once >= roundSeconds ? 0 : seconds.reduce((a, b) => a + b, 0));
}

for (let round = 0; round < rounds; round++) {
  for (const workload of workloads) {
    for (const [c, contender] of contenders.entries()) {
      const turn = turnsOf(c, workload);
      if (turn.work.images === 0 || turn.round === round || turn.spent >= mostSeconds) continue;
      turn.round = round;
      await takeTurn(contender, turn);
    }
  }
}
for (const contender of contenders) contender.close();

/** rates[workload][contender]: images per second, one per round */
const rates = workloads.map((workload) => contenders.map((_, c) => turnsOf(c, workload).rates));
const medians = rates.map((row) => row.map(median));
const columns = (keep) => workloads.flatMap((workload, w) => (keep(workload) ? [w] : []));

const digits = (number) => (number >= 100 ? number.toFixed(0) : number.toPrecision(2));
const ratio = (number) => `${number >= 99.5 ? number.toFixed(0) : number.toPrecision(number < 10 ? 3 : 2)}×`;
for (const batch of batches) {
  const shown = columns((workload) => workload.batch === batch);
  const cell = (w, c) => {
    const rate = medians[w][c];
    if (Number.isNaN(rate)) return ['–', ''];
    // The images that a call had, where it was not the whole batch.
    const { images } = turnsOf(c, workloads[w]).work;
    const few = images < batch ? ` (by ${images})` : '';
    return [`${digits(rate)}${few}`, ratio(medians[w][0] / rate)];
  };
  const heading = shown.flatMap((w) => [`${workloads[w].name} ${workloads[w].mode}`, '']);
  console.log(
    `\nImages per second in batches of ${batch}, and how many times as fast ${contenders[0].name} is`,
  );
  console.log(
    table([
      ['', ...heading],
      ...contenders.map(({ name }, c) => [name, ...shown.flatMap((w) => cell(w, c))]),
    ]),
  );
}

const single = columns(({ batch }) => batch === 1);
console.log('\nMilliseconds for one image alone');
console.log(
  table([
    ['', ...single.map((w) => workloads[w].name)],
    ...contenders.map(({ name }, c) => [
      name,
      ...single.map((w) => (Number.isNaN(medians[w][c]) ? '–' : (1000 / medians[w][c]).toPrecision(3))),
    ]),
  ]),
);

/** Each of ours against the best of each family of others. */
const whole = columns(({ batch }) => batch > 1);
const families = [...new Set(contenders.map(({ family }) => family))].filter((family) => family !== 'Onko');
const bestOf = (family, w) =>
  Math.max(0, ...contenders.map((peer, i) => (peer.family === family ? medians[w][i] || 0 : 0)));
/** A dash where one of the two does not do this work. */
const shareOf = (rate, best) => (Number.isNaN(rate) || best === 0 ? '–' : ratio(rate / best));
for (const [c, { name, family: own }] of contenders.entries()) {
  if (own !== 'Onko' || families.length === 0) continue;
  const rows = whole.map((w) => [
    `${workloads[w].name} ${workloads[w].mode}, ${workloads[w].batch}`,
    ...families.map((family) => shareOf(medians[w][c], bestOf(family, w))),
  ]);
  console.log(`\nHow many times as fast ${name} is as the best of each`);
  console.log(table([['', ...families], ...rows]));
}

const memory = Object.fromEntries(models.map((name) => [name, planOf(backends[0], name, 16).plan.memory]));
const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(2);
console.log('\nMiB that a plan holds, for the sixteen images it has in flight');
console.log(
  table([
    [
      '',
      'activations',
      'their gradients',
      'longest workspace',
      'all in the arena',
      'argmax, masks',
      'in all',
      'needed',
    ],
    ...Object.entries(memory).map(([name, m]) => [
      name,
      ...[
        m.activationBytes,
        m.gradientBytes,
        m.workspaceBytes,
        m.arenaBytes,
        m.scratchBytes,
        m.totalBytes,
        m.neededBytes,
      ].map(mebibytes),
    ]),
  ]),
);

const steps = values.kernels
  ? Object.fromEntries(backends.slice(0, 1).map((one) => [one.name, benchSteps(one, models)]))
  : {};
const kernels = values.kernels ? benchKernels() : {};
console.log(`\nload at the end ${load()}`);
const results = new URL('./results/', import.meta.url);
mkdirSync(results, { recursive: true });
const record = {
  processor: cpus()[0].model,
  node: process.version,
  load: loadavg(),
  contenders: contenders.map(({ name }) => name),
  workloads,
  /** Images that a call of each contender had, and images per second by round. */
  images: workloads.map((workload) => contenders.map((_, c) => turnsOf(c, workload).work.images)),
  rates,
  memory,
  steps,
  kernels,
};
writeFileSync(new URL('engine.json', results), `${JSON.stringify(record, null, 2)}\n`);
