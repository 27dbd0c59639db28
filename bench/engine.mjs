// Images per second of one thread, ours and others', taking turns in one run; and what single kernels do of the core's peak.
//   npm run bench:engine -- [--models lenet,vgg-small] [--batches 64] [--rounds 5] [--no-peers] [--no-kernels]
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { availableKernels } from '../dist/engine/index.js';
import { benchKernels } from './kernels.mjs';
import { median, table } from './measure.mjs';
import { onnxruntime, ours, torch } from './peers/contenders.mjs';

const { values } = parseArgs({
  allowNegative: true,
  options: {
    models: { type: 'string', default: 'lenet,vgg-small' },
    batches: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
    peers: { type: 'boolean', default: true },
    kernels: { type: 'boolean', default: true },
  },
});
const rounds = Number(values.rounds);
const roundSeconds = 0.25;

const contenders = [...availableKernels.values()].map(ours);
if (values.peers) {
  const peers = [await torch('contiguous'), await torch('channels_last'), await onnxruntime()];
  contenders.push(...peers.filter((peer) => peer !== null));
}
const workloads = values.models
  .split(',')
  .flatMap((name) =>
    values.batches
      .split(',')
      .flatMap((batch) => ['train', 'infer'].map((mode) => ({ name, mode, batch: Number(batch) }))),
  );

const load = () => loadavg()[0].toFixed(1);
console.log(
  `${cpus()[0].model.trim()}, Node ${process.version}, one thread each; images per second of processor time, medians of ${rounds} rounds; load at the start ${load()}`,
);

/** rates[workload][contender]: images per second, one per round */
const rates = workloads.map(() => contenders.map(() => []));
for (let round = 0; round < rounds; round++) {
  for (const [w, workload] of workloads.entries()) {
    for (const [c, contender] of contenders.entries()) {
      if (!contender.runs(workload)) continue;
      const [once] = await contender.seconds(workload, 1);
      const calls = Math.max(1, Math.min(200, Math.round(roundSeconds / once)));
      rates[w][c].push(workload.batch / median(await contender.seconds(workload, calls)));
    }
  }
}
for (const contender of contenders) contender.close();

const label = ({ name, mode, batch }) => `${name} ${mode}, ${batch}`;
const medians = rates.map((row) => row.map(median));
const show = (rate) => (Number.isNaN(rate) ? '–' : rate >= 100 ? rate.toFixed(0) : rate.toFixed(1));
console.log(
  table([
    ['', ...workloads.map(label)],
    ...contenders.map(({ name }, c) => [name, ...medians.map((row) => show(row[c]))]),
  ]),
);

const isPeer = (name) => name.startsWith('PyTorch') || name.startsWith('onnx');
const ratios = [['ratio to', ...workloads.map(label)]];
for (const peer of ['PyTorch', 'onnxruntime-node']) {
  const columns = contenders.flatMap(({ name }, c) => (name.startsWith(peer) ? [c] : []));
  if (columns.length === 0) continue;
  for (const [c, { name }] of contenders.entries()) {
    if (isPeer(name)) continue;
    const cells = medians.map((row) => {
      const best = Math.max(...columns.map((i) => (Number.isNaN(row[i]) ? 0 : row[i])));
      return best === 0 ? '–' : `${(row[c] / best).toFixed(2)}×`;
    });
    ratios.push([`${peer}'s best: ${name}`, ...cells]);
  }
}
if (ratios.length > 1) console.log(`\n${table(ratios)}`);

const kernels = values.kernels ? benchKernels() : {};
console.log(`\nload at the end ${load()}`);
const results = new URL('./results/', import.meta.url);
mkdirSync(results, { recursive: true });
const names = contenders.map(({ name }) => name);
const record = {
  processor: cpus()[0].model,
  node: process.version,
  load: loadavg(),
  contenders: names,
  workloads,
  rates,
  kernels,
};
writeFileSync(new URL('engine.json', results), `${JSON.stringify(record, null, 2)}\n`);
