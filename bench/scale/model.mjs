// What a step takes, from few numbers. First what each process works in a step: something for the step, something for each message,
// something for each byte that it handles, and more for what had to travel in parts. Then the time: one worker's exchange from beginning to end, what the others add to whoever has
// most to do, the computing, the links.
import { blocksFor } from '../../dist/protocol/index.js';
import { dot, fitNonNegative, fitRelative } from './fit.mjs';

/** Larger messages travel in parts, and whoever takes them puts them together; src/transport/rabbitmq/parts.ts. */
const partBytes = 8 * 2 ** 20;
/** Terms of whoever handles `tensors` in `messages`: a step, messages, megabytes, megabytes in parts. */
const termsOf = (steps, messages, tensors, valueBytes) => {
  const megabytes = (tensors * valueBytes) / 1e6;
  return [steps, messages, megabytes, valueBytes > partBytes ? megabytes : 0];
};

/**
 * What the processes have to do in a step of a load { workers, results, valueBytes }. Blocks come back as results, and whoever sums
 * them does not care from whom.
 */
const terms = {
  /** Sends the parameters once, receives all results. */
  coordinator: ({ results, valueBytes }) => termsOf(1, results, 1 + results, valueBytes),
  /** Takes the parameters once, gives them to each; takes the results and passes them on. */
  broker: ({ workers, results, valueBytes }) =>
    termsOf(1, workers + results, 1 + workers + 2 * results, valueBytes),
  /** All together. */
  workers: ({ workers, results, valueBytes }) => termsOf(0, workers + results, workers + results, valueBytes),
};
export const workTerms = ['ms for a step', 'for a message', 'for a megabyte', 'more if in parts'];
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
export const stepTerms = ['a step, ms', 'one exchange', 'queued', 'link'];

/** Milliseconds of a step: once a step, one exchange, what queues where there is most to do, the link; and the computing, as it is. */
export const stepMs = (model, { exchange, queued, link = 0, computing = 0 }) =>
  dot(model.step, [1, exchange, queued, link]) + computing;

/** The same of a point where everything shares the cores of one machine; the coordinator has one thread and no use for more. */
function partsOf(model, { valueBytes, workers, results, cores, pauseMs, link }) {
  const more = moreWork(model, { valueBytes, workers, results });
  return {
    exchange: exchangeMs(model, valueBytes),
    queued: Math.max(more.coordinator, roles.reduce((sum, role) => sum + more[role], 0) / cores),
    computing: pauseMs,
    link: link === null ? 0 : linkMs(valueBytes, link),
  };
}

/**
 * @param {{ valueBytes: number, workers: number, results: number, cores: number, pauseMs: number, link: object | null,
 *   stepMs: number, coordinatorMs: number, brokerMs: number, workersMs: number }[]} points measured ones; `link` as for linkMs
 */
export function fitModel(points) {
  const model = {};
  for (const role of roles)
    model[role] = fitRelative(
      points.map((point) => terms[role](point)),
      points.map((point) => point[`${role}Ms`]),
    );
  const parts = points.map((point) => partsOf(model, point));
  model.step = fitNonNegative(
    parts.map(({ exchange, queued, link }, i) =>
      [1, exchange, queued, link].map((value) => value / points[i].stepMs),
    ),
    points.map((point) => 1 - point.pauseMs / point.stepMs),
  );
  return model;
}

export const predictPoint = (model, point) => stepMs(model, partsOf(model, point));
