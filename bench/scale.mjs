// How far one coordinator and one broker reach: 1 to 256 simulated workers that compute nothing, models of 0.06 to 10 million parameters,
// links that the kernel holds to a rate. To these points a model of a step's time is fitted, it is tried on points that it has not seen,
// and then it says where larger clusters end. Prints the tables of docs/scale.md. Linux; the links need root and iproute2.
//   npm run bench:scale -- [--broker amqp://…] [--quick] [--without links]
// Without --broker it starts a RabbitMQ of its own. Again from the points of the last time: --from bench/results/scale.json
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { brokerOf } from './broker.mjs';
import { median } from './measure.mjs';
import { startCluster } from './scale/cluster.mjs';
import { fitModel, predictPoint, resultsOf } from './scale/model.mjs';
import { pointsOf } from './scale/points.mjs';
import { checkTable, coefficientsTable, endTable, measuredTable, stepTable } from './scale/report.mjs';
import { bucketBytes, shapedLinks } from './shaped-links.mjs';

const { values } = parseArgs({
  options: {
    broker: { type: 'string' },
    quick: { type: 'boolean', default: false },
    without: { type: 'string', multiple: true, default: [] },
    from: { type: 'string' },
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
const points =
  values.from === undefined ? await measureAll() : JSON.parse(readFileSync(values.from, 'utf8')).points;
const seen = points.filter(({ held }) => !held);
const unseen = points.filter(({ held }) => held);
const model = fitModel(seen);
const predict = (point) => predictPoint(model, point);
const middleError = (some) =>
  `${(100 * median(some.map((point) => Math.abs(predict(point) / point.stepMs - 1)))).toFixed(0)} %`;

console.log(
  `${points.length} points in ${((performance.now() - began) / 1000).toFixed(0)} s, ${machineCores} cores; load ${loadavg()[0].toFixed(1)}`,
);
console.log(`\nMeasured\n\n${measuredTable(points)}`);
console.log(
  `\nThe model, fitted to ${seen.length} points\n\n${coefficientsTable(model)}\n\n${stepTable(model)}`,
);
console.log(
  `\nPoints it was fitted to, error ${middleError(seen)} in the middle\n\n${checkTable(seen, predict)}`,
);
console.log(
  `\nPoints it has not seen, error ${middleError(unseen)} in the middle\n\n${checkTable(unseen, predict)}`,
);
if (model.step[4] === 0) {
  console.log('\nNothing was measured behind a link: links are taken to need what their rate says.');
  model.step[4] = 1;
}
console.log(
  `\nPredicted: threads that compute for half of a step, and what they wait for\n\n${endTable(model)}`,
);
if (values.from === undefined) {
  mkdirSync(new URL('results/', import.meta.url), { recursive: true });
  writeFileSync(
    new URL('results/scale.json', import.meta.url),
    `${JSON.stringify({ points, model }, null, 2)}\n`,
  );
}
