import type { Batch, LocalTraining, Model, Plan, Tally } from '../engine/index.js';

/** Which replica of which outer step, and with which samples. */
export interface ReplicaWork {
  /** f32[parameterCount], which all replicas start from; read only. */
  parameters: Float32Array;
  /** Samples, all its inner steps together; 0 for a replica that has none. */
  samples: number;
  /** Samples of a full inner step; the last one may be short. */
  perStep: number;
  seed: number;
  /** Outer step. */
  step: number;
  replica: number;
}

/**
 * difference[parameterCount] ← samples · (w − w'): how far the replica has moved down from the parameters w, times its samples. So the
 * sum over replicas, divided by all their samples, is their mean, each weighted by what it has seen: the gradient of the outer
 * optimizer. Running statistics likewise.
 */
export type Replica = (
  work: ReplicaWork,
  load: (first: number, count: number) => void,
  difference: Float32Array,
  tallied: (tally: Tally) => number,
  isAbandoned: () => boolean,
) => number;

/** @param batch what `load` fills: `count` samples from the replica's `first` on */
export function createReplica(model: Model, plan: Plan, training: LocalTraining, batch: Batch): Replica {
  const own = new Float32Array(model.parameterCount);
  const key = { seed: 0, step: 0, microshard: 0 };
  return (work, load, difference, tallied, isAbandoned) => {
    const { parameters, samples, perStep } = work;
    own.set(parameters);
    training.begin();
    key.seed = work.seed;
    key.microshard = work.replica;
    let lossSum = 0;
    for (let first = 0, inner = 0; first < samples && !isAbandoned(); first += perStep, inner++) {
      key.step = work.step * training.steps + inner;
      load(first, Math.min(perStep, samples - first));
      // The gradient of an inner step has no other place to be than where the difference comes to stand.
      lossSum += tallied(plan.gradient(own, batch, key, difference));
      training.step(own, difference, batch.count, key.step);
    }
    for (let i = 0; i < own.length; i++) difference[i] = samples * (parameters[i] - own[i]);
    return lossSum;
  };
}
