// How far one coordinator and one broker reach: 1 to 256 simulated workers that compute nothing, models of 0.06 to 10 million parameters,
// links that the kernel holds to a rate. To these points a model of a step's time is fitted, it is tried on points that it has not seen,
// and then it says where larger clusters end. Prints the tables of docs/scale.md. Linux; the links need root and iproute2.
//   npm run bench:scale -- [--broker amqp://…] [--quick] [--without links] [--write docs/scale.md]
// Without --broker it starts a RabbitMQ of its own. --write puts the tables into the page, too. From the points of the last time instead
// of new ones: --from bench/results/scale.json
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { brokerOf } from './broker.mjs';
import { median } from './measure.mjs';
import { startCluster } from './scale/cluster.mjs';
import { fitModel, predictPoint, resultsOf, stepTerms } from './scale/model.mjs';
import { pointsOf } from './scale/points.mjs';
import {
  checkTable,
  coefficientsTable,
  endTable,
  measuredTable,
  replaceTables,
  stepTable,
} from './scale/report.mjs';
import { bucketBytes, shapedLinks } from './shaped-links.mjs';

const { values } = parseArgs({
  options: {
    broker: { type: 'string' },
    quick: { type: 'boolean', default: false },
    without: { type: 'string', multiple: true, default: [] },
    from: { type: 'string' },
    write: { type: 'string' },
  },
});
const unknown = values.without.filter((one) => one !== 'links');
if (unknown.length > 0) throw new Error(`--without takes links, got ${unknown.join(', ')}`);
// So that what is told to run at the exit, which ends programs and links, also runs then.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const machineCores = availableParallelism();
/** Small against what a step sends, so that it does not hide the link. */
const bucketMs = 1;
const leastMs = values.quick ? 700 : 1500;

const titles = {
  how: 'How',
  measured: 'Measured',
  model: 'The model',
  fitted: 'Points that it was fitted to',
  unseen: 'Points that it has not seen',
  ends: 'Predicted: threads that compute for half of a step, and what takes most of the other half',
};

async function measureAll() {
  const broker = await brokerOf(values.broker);
  const { plain, shaped } = pointsOf(values.quick);
  const points = [];
  const took = (what) => process.stderr.write(`${what}: ${points.at(-1).stepMs.toFixed(1)} ms\n`);
  try {
    for (const { model, microshards, points: planned } of plain) {
      const cluster = await startCluster({ broker, model: model.spec, microshards });
      try {
        for (const point of planned) {
          if (point.cores !== undefined && broker.pid === null) {
            process.stderr.write('Not on fewer cores: the broker is not on this machine.\n');
            continue;
          }
          points.push({ ...describe(model, microshards, point), ...(await measure(cluster, point)) });
          took(`${model.name}, ${point.workers} workers`);
        }
      } finally {
        await cluster.close();
      }
    }
    for (const one of values.without.includes('links') ? [] : shaped) {
      points.push(await measureShaped(broker, one));
      took(`${one.model.name}, ${one.links} × ${one.perLink} workers, ${one.rateBits / 1e6} Mbit/s`);
    }
  } finally {
    await broker.stop();
  }
  return points;
}

function describe(model, microshards, { workers, pauseMs = 0, cores, held, link = null, links = 0 }) {
  const results = resultsOf(workers, microshards);
  const shape = { model: model.name, valueBytes: model.valueBytes, workers, results };
  const place = { pauseMs, cores: cores ?? machineCores, confined: cores !== undefined, link, links };
  return { ...shape, ...place, held };
}

async function measure(cluster, { workers, pauseMs, cores }) {
  await cluster.growTo(workers);
  if (pauseMs !== undefined) await cluster.pause(pauseMs);
  if (cores !== undefined) cluster.confine(cores);
  const found = await cluster.measure({ leastMs, leastSteps: 4 });
  if (pauseMs !== undefined) await cluster.pause(0);
  if (cores !== undefined) cluster.confine(null);
  return found;
}

async function measureShaped(broker, { model, rateBits, links: count, perLink, held }) {
  const links = await shapedLinks(count, rateBits, broker.url, bucketMs);
  try {
    const microshards = 16;
    const cluster = await startCluster({ broker, model: model.spec, microshards, links });
    try {
      const link = { rateBits, bucketBytes: bucketBytes(rateBits, bucketMs), workers: perLink };
      const point = { workers: count * perLink, held, link, links: count };
      return { ...describe(model, microshards, point), ...(await measure(cluster, point)) };
    } finally {
      await cluster.close();
    }
  } finally {
    links[0].close();
  }
}

const began = performance.now();
const last = values.from === undefined ? null : JSON.parse(readFileSync(values.from, 'utf8'));
const points = last?.points ?? (await measureAll());
const how =
  last?.how ??
  `${points.length} points in ${((performance.now() - began) / 1000).toFixed(0)} s on ${machineCores} cores; load ${loadavg()[0].toFixed(1)} at the end.`;
const seen = points.filter(({ held }) => !held);
const unseen = points.filter(({ held }) => held);
const model = fitModel(seen);
const predict = (point) => predictPoint(model, point);
/** The median of the relative errors, and the largest. */
const errors = (some) => {
  const all = some.map((point) => Math.abs(predict(point) / point.stepMs - 1));
  const [middle, worst] = [median(all), Math.max(...all)].map((error) => `${(100 * error).toFixed(0)} %`);
  return `${some.length} points; the error is ${middle} in the middle and ${worst} at most.`;
};
const withoutLinks = points.every(({ link }) => link === null);

const texts = {
  how,
  measured: measuredTable(points),
  model: `${coefficientsTable(model)}\n\n${stepTable(model)}`,
  fitted: `${errors(seen)}\n\n${checkTable(seen, predict)}`,
  unseen: `${errors(unseen)}\n\n${checkTable(unseen, predict)}`,
};
if (withoutLinks) {
  // Nothing says how much longer they need than their rate does.
  console.log('Nothing was measured behind a link: links are taken to need what their rate says.\n');
  model.step[stepTerms.indexOf('link')] = 1;
}
texts.ends = endTable(model);

for (const [name, text] of Object.entries(texts)) console.log(`${titles[name]}\n\n${text}\n`);
if (values.write !== undefined)
  writeFileSync(values.write, replaceTables(readFileSync(values.write, 'utf8'), texts));
if (last === null) {
  mkdirSync(new URL('results/', import.meta.url), { recursive: true });
  const kept = `${JSON.stringify({ how, points, model }, null, 2)}\n`;
  writeFileSync(new URL('results/scale.json', import.meta.url), kept);
}
