// What is measured: in which clusters, with how many workers, and which of the points the model never sees (`held`).
import { buildModel, namedSpecs } from '../../dist/engine/index.js';
import { wide } from '../wide-model.mjs';

const modelOf = (spec) => ({ spec, name: spec.name, valueBytes: 4 * buildModel(spec).parameterCount });
export const models = ['lenet-grey', 'onko-net'].map((name) => modelOf(namedSpecs.get(name)));
models.push(modelOf(wide));
const [lenet, onkoNet, large] = models;

const fitted = (...workers) => workers.map((count) => ({ workers: count, held: false }));
const held = (...workers) => workers.map((count) => ({ workers: count, held: true }));
const growing = (...points) => points.flat().toSorted((a, b) => a.workers - b.workers);
const Mbit = 1e6;

/** Clusters beside the broker. A point may also say `pauseMs`, what a block takes, or `cores`, that all have to share. */
const plain = [
  {
    model: lenet,
    microshards: 256,
    points: [
      ...growing(fitted(1, 2, 4), held(3)),
      { workers: 4, pauseMs: 10, held: true },
      { workers: 4, pauseMs: 40, held: true },
      { workers: 4, cores: 1, held: true },
      ...growing(fitted(8, 16)),
      { workers: 16, pauseMs: 25, held: true },
      { workers: 16, cores: 1, held: true },
      ...growing(fitted(32, 64, 128), held(48, 256)),
    ],
  },
  {
    model: onkoNet,
    microshards: 64,
    points: [
      ...growing(fitted(1, 2), held(4)),
      { workers: 4, cores: 1, held: true },
      ...growing(fitted(8, 16), held(32)),
    ],
  },
  { model: large, microshards: 16, points: growing(fitted(1, 4), held(2)) },
];

/**
 * Clusters behind links of so many bits per second, each way. `perLink` workers share one: the way to a worker's machine, or with all
 * of them behind one link, that to the broker's.
 */
const shaped = [
  { model: lenet, rateBits: 100 * Mbit, links: 1, perLink: 1, held: false },
  { model: lenet, rateBits: 200 * Mbit, links: 2, perLink: 1, held: true },
  { model: lenet, rateBits: 400 * Mbit, links: 1, perLink: 8, held: false },
  { model: onkoNet, rateBits: 1000 * Mbit, links: 2, perLink: 1, held: false },
  { model: onkoNet, rateBits: 300 * Mbit, links: 2, perLink: 1, held: true },
  { model: onkoNet, rateBits: 500 * Mbit, links: 1, perLink: 4, held: true },
];

/** Enough to see that all of it works, and roughly what comes out. */
const few = new Set([1, 2, 3, 4, 16, 32]);

export const pointsOf = (quick) =>
  quick
    ? {
        plain: plain.map((one) => ({ ...one, points: one.points.filter(({ workers }) => few.has(workers)) })),
        shaped: shaped.filter(({ model }) => model === lenet),
      }
    : { plain, shaped };
