// Where a cluster ends whose machines are not here: coordinator and broker on machines of their own, as each worker is.
import { exchangeMs, linkMs, moreWork, stepMs, workOf } from './model.mjs';

/** What is assumed of that cluster. */
export const assumed = { brokerCores: 2, brokerBits: 10e9, workerBits: 1e9, threadsPerHost: 8 };

/**
 * @param {{ hosts: number, valueBytes: number, computingMs: number, shards?: number }} cluster `hosts` that send one gradient each;
 *   `shards`: brokers with a summing process each, between which the values are shared out
 * @returns {{ stepMs: number, limit: string }} and what has most to do
 */
export function stepOf(model, { hosts, valueBytes, computingMs, shards = 1 }) {
  const part = valueBytes / shards;
  const load = { workers: hosts, results: hosts, valueBytes: part };
  const more = moreWork(model, load);
  const ends = shards === 1 ? 'coordinator' : 'summing process';
  const queues = { [ends]: more.coordinator, broker: more.broker / assumed.brokerCores };
  const links = {
    "worker's link": linkMs(valueBytes, { rateBits: assumed.workerBits, workers: 1 }),
    "broker's link": linkMs(part, { rateBits: assumed.brokerBits, workers: hosts }),
  };
  // A worker does the work of `shards` messages; then the coordinator puts the sums together.
  const sums = { workers: shards, results: shards, valueBytes: part };
  const exchange =
    exchangeMs(model, part) +
    (shards === 1 ? 0 : workOf(model, sums).coordinator + moreWork(model, sums).workers);
  const [queued, link] = [Math.max(...Object.values(queues)), Math.max(...Object.values(links))];
  const waits = Object.entries({ ...queues, ...links });
  const cost = ([name, ms]) => ms * model.step[name in queues ? 2 : 4];
  return {
    stepMs: stepMs(model, { exchange, queued, computing: computingMs, link }),
    limit: waits.reduce((most, one) => (cost(one) > cost(most) ? one : most))[0],
  };
}

/** What changes what a step costs; `threads` that share a gradient, `steps` of computing for each exchange, `shards`. */
export const variants = [
  { name: 'exact, a gradient for each thread', threads: 1, steps: 1, shards: 1 },
  {
    name: `a gradient for each host of ${assumed.threadsPerHost} threads`,
    threads: assumed.threadsPerHost,
    steps: 1,
    shards: 1,
  },
  { name: '4 brokers with a summing process each', threads: 1, steps: 1, shards: 4 },
  { name: 'both', threads: assumed.threadsPerHost, steps: 1, shards: 4 },
  { name: 'local SGD, H = 16', threads: 1, steps: 16, shards: 1 },
  { name: 'all three', threads: assumed.threadsPerHost, steps: 16, shards: 4 },
];

const mostThreads = 2 ** 20;

/** The largest number of threads that compute for at least half of a step; 0 if even one host does not. */
export function endOf(model, { threads, steps, shards }, valueBytes, computingMs) {
  const at = (hosts) => stepOf(model, { hosts, valueBytes, computingMs: steps * computingMs, shards });
  const pays = (hosts) => at(hosts).stepMs <= 2 * steps * computingMs;
  if (!pays(1)) return { threads: 0, limit: at(1).limit };
  let [low, high] = [1, 2];
  while (high * threads < mostThreads && pays(high)) [low, high] = [high, 2 * high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (pays(middle)) low = middle;
    else high = middle;
  }
  return { threads: low * threads, limit: at(high).limit };
}
