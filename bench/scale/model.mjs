// What a step takes, from few numbers. First what each process works in a step: something for the step, something for each message,
// something for each byte that it handles. Then the time: one worker's exchange from beginning to end, what the others add to whoever has
// most to do, the computing, the links.
import { blocksFor } from '../../dist/protocol/index.js';
import { dot, fitRelative } from './fit.mjs';

const MB = 1e6;

/**
 * What the processes have to do in a step; blocks come back as results, and whoever sums them does not care from whom.
 * @param {{ workers: number, results: number, valueBytes: number }} load
 * @returns the terms of each: steps, messages, megabytes
 */
const terms = {
  /** Sends the parameters once, receives all results. */
  coordinator: ({ results, valueBytes }) => [1, results, (valueBytes * (1 + results)) / MB],
  /** Takes the parameters once, gives them to each; takes the results and passes them on. */
  broker: ({ workers, results, valueBytes }) => [
    1,
    workers + results,
    (valueBytes * (1 + workers + 2 * results)) / MB,
  ],
  /** All together. */
  workers: ({ workers, results, valueBytes }) => [
    0,
    workers + results,
    (valueBytes * (workers + results)) / MB,
  ],
};
const roles = Object.keys(terms);

/** Results of a step: as many as workers, and some more where their number is no power of two. */
export const resultsOf = (workers, microshards) => blocksFor(microshards, workers).length;

/** Milliseconds of processor time that a step takes of each. */
export const workOf = (model, load) =>
  Object.fromEntries(roles.map((role) => [role, dot(model[role], terms[role](load))]));

/** Milliseconds of everything that has to be done for one worker, one after the other: parameters out, a gradient back. */
export function exchangeMs(model, valueBytes) {
  const work = workOf(model, { valueBytes, workers: 1, results: 1 });
  return roles.reduce((sum, role) => sum + work[role], 0);
}

/** Milliseconds of processor time that all other workers cost each role. */
export function moreWork(model, load) {
  const one = workOf(model, { ...load, workers: 1, results: 1 });
  const all = workOf(model, load);
  return Object.fromEntries(roles.map((role) => [role, all[role] - one[role]]));
}

/** Milliseconds in which parameters go out and gradients come back through a link that `workers` share. */
export const linkMs = (valueBytes, { rateBits, bucketBytes = 0, workers }) =>
  (2 * 8000 * Math.max(0, workers * valueBytes - bucketBytes)) / rateBits;

/** What the coefficients of `model.step` belong to. */
export const stepTerms = ['a step, ms', 'one exchange', 'queued', 'computing', 'link'];

/** Milliseconds of a step: once a step, one exchange, what queues where there is most to do, computing, the link. */
export const stepMs = (model, { exchange, queued, computing = 0, link = 0 }) =>
  dot(model.step, [1, exchange, queued, computing, link]);

/** The same of a point where everything shares the cores of one machine; the coordinator has one thread and no use for more. */
function partsOf(model, { valueBytes, workers, results, cores, pauseMs = 0, link = null }) {
  const more = moreWork(model, { valueBytes, workers, results });
  return {
    exchange: exchangeMs(model, valueBytes),
    queued: Math.max(more.coordinator, roles.reduce((sum, role) => sum + more[role], 0) / cores),
    computing: pauseMs,
    link: link === null ? 0 : linkMs(valueBytes, link),
  };
}

/**
 * @param {{ valueBytes: number, workers: number, results: number, cores: number, pauseMs?: number, link?: object | null,
 *   stepMs: number, coordinatorMs: number, brokerMs: number, workersMs: number }[]} points measured ones; `link` as for linkMs
 */
export function fitModel(points) {
  const model = {};
  for (const role of roles)
    model[role] = fitRelative(
      points.map((point) => terms[role](point)),
      points.map((point) => point[`${role}Ms`]),
    );
  model.step = fitRelative(
    points.map((point) => {
      const { exchange, queued, computing, link } = partsOf(model, point);
      return [1, exchange, queued, computing, link];
    }),
    points.map((point) => point.stepMs),
  );
  return model;
}

export const predictPoint = (model, point) => stepMs(model, partsOf(model, point));
