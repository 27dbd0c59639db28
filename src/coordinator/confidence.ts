import { channelsOf } from '../data/index.js';
import { createPlan, fitTemperature, LANES } from '../engine/index.js';
import type { FittedTemperature } from '../store/index.js';
import { pauseFor, realTimers } from '../transport/index.js';
import type { CoordinatorConfig } from './config.js';
import type { PreparedRun } from './prepare.js';

/** A single number is fitted: more samples would only take longer. */
const mostSamples = 4096;
/** Fewer say too little of how sure a model may be. */
const leastSamples = 50;
/** Between two looks at the connection: some ten milliseconds of the slower models. */
const samplesPerTurn = 4 * LANES;

/**
 * How sure the guesses of a model are to be taken for, by the validation samples, of which every so many-th where there are many. With the
 * coordinator's own kernels, which are of the run's numerics: like the parameters it follows from spec and data alone.
 *
 * @param parameters those that become the model
 * @returns undefined for a run without validation, or with next to none
 */
export async function fitOnValidation(
  { pack, kernels, timers = realTimers }: CoordinatorConfig,
  { model, curriculum }: PreparedRun,
  parameters: Float32Array,
): Promise<FittedTemperature | undefined> {
  const { validationIndices: all } = curriculum;
  if (all.length < leastSamples) return undefined;
  const samples = Math.min(all.length, mostSamples);
  const indices = Uint32Array.from(
    { length: samples },
    (_, i) => all[Math.floor((i * all.length) / samples)],
  );
  const { preprocessing, sampleBytes } = pack.manifest;
  const { mean, std } = preprocessing;
  const scaling = { channels: channelsOf(preprocessing), mean, std };
  const plan = createPlan(model, kernels, { capacity: samplesPerTurn, scaling });
  const { classes } = model;
  const pixels = new Uint8Array(samplesPerTurn * sampleBytes);
  const labels = new Uint8Array(samples);
  const probabilities = new Float32Array(samples * classes);
  for (let first = 0; first < samples; first += samplesPerTurn) {
    const some = indices.subarray(first, first + samplesPerTurn);
    pack.reader.read(some, pixels, labels.subarray(first));
    plan.predict(parameters, pixels, some.length, probabilities.subarray(first * classes));
    // Heartbeats of the broker and of workers go on meanwhile.
    await pauseFor(timers, 0);
  }
  const value = fitTemperature({ probabilities, labels, classes });
  return value === null ? undefined : { value, fittedOn: 'validation', samples };
}
