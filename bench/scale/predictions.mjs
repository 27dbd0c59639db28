// Where a cluster ends whose machines are not here: coordinator and broker on machines of their own, as each worker is.
import { exchangeMs, linkMs, moreWork, stepMs, workOf } from './model.mjs';

/** What is assumed of that cluster. */
export const assumed = { brokerCores: 2, linkBits: 10e9, threadsPerHost: 8 };

/**
 * @param {{ hosts: number, valueBytes: number, computingMs: number, shards?: number }} cluster `hosts` that send one gradient each;
 *   `shards`: brokers with a summing process each, between which the values are shared out
 * @returns {{ stepMs: number, limit: string }} and what has most to do
 */
export function stepOf(model, { hosts, valueBytes, computingMs, shards = 1 }) {
  const part = valueBytes / shards;
  const load = { workers: hosts, results: hosts, valueBytes: part };
  const more = moreWork(model, load);
  const sums = { workers: shards, results: shards, valueBytes: part };
  const [summing, queueCost, linkCost] = [shards === 1 ? 'coordinator' : 'summing', ...model.step.slice(2)];
  // A worker sends its gradient in as many messages as there are shards; then the coordinator puts the sums together.
  const exchange =
    exchangeMs(model, part) +
    (shards === 1 ? 0 : workOf(model, sums).coordinator + moreWork(model, sums).workers);
  const queues = { [summing]: more.coordinator, broker: more.broker / assumed.brokerCores };
  const queued = Math.max(...Object.values(queues));
  // The broker's link, or that of a worker, which has all the shards behind it.
  const shared = { rateBits: assumed.linkBits, workers: Math.max(1, hosts / shards) };
  const link = linkMs(valueBytes, shared);
  const costs = {
    exchange: model.step[1] * exchange,
    ...Object.fromEntries(Object.entries(queues).map(([name, ms]) => [name, queueCost * ms])),
    link: linkCost * link,
  };
  return {
    stepMs: stepMs(model, { exchange, queued, link, computing: computingMs }),
    limit: Object.entries(costs).reduce((most, one) => (one[1] > most[1] ? one : most))[0],
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

/** More blocks than that a step cannot have. */
const mostHosts = 65_536;

/** The largest number of threads that compute for at least half of a step; 0 if even one host does not. */
export function endOf(model, { threads, steps, shards }, valueBytes, computingMs) {
  const at = (hosts) => stepOf(model, { hosts, valueBytes, computingMs: steps * computingMs, shards });
  const pays = (hosts) => at(hosts).stepMs <= 2 * steps * computingMs;
  if (!pays(1)) return { threads: 0, limit: at(1).limit };
  if (pays(mostHosts)) return { threads: mostHosts * threads, limit: at(mostHosts).limit };
  let [low, high] = [1, mostHosts];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (pays(middle)) low = middle;
    else high = middle;
  }
  return { threads: low * threads, limit: at(high).limit };
}
