import { z } from 'zod';

/**
 * Each step is one of an outer optimizer (SGD with Nesterov's momentum), whose gradient is how far R replicas have moved apart from the
 * parameters in H steps of their own. A replica takes batch / R samples a step; the replicas are the leaves of the tree.
 */
export interface LocalSgd {
  type: 'local-sgd';
  /** H: steps of a replica between two averagings. */
  localSteps: number;
  /** R, which is also `microshards`: whoever computes them, and however many at once, there are as many. */
  replicas: number;
  outer: { learningRate: number; momentum: number };
}

/**
 * Each batch is computed by one thread, on the newest parameters that its worker has, and applied when its gradient comes. There are as many updates
 * as without, in the order of arrival: so the same spec gives other bits each time, which the spec says too.
 */
export interface AsynchronousSgd {
  type: 'async';
  /** Updates that a gradient may miss. One that misses more is not applied, and its batch is computed again. */
  staleness: number;
  /** Not bit-identical: depends on the order of arrival. */
  reproducible: false;
}

/** The part of a training spec that says so; absent: exact training. */
interface ModeChoice {
  mode?: LocalSgd | AsynchronousSgd | undefined;
}

export const localSgdOf = ({ mode }: ModeChoice): LocalSgd | null =>
  mode?.type === 'local-sgd' ? mode : null;

/** Updates that a gradient may miss; null where updates have an order. */
export const stalenessBound = ({ mode }: ModeChoice): number | null =>
  mode?.type === 'async' ? mode.staleness : null;

/** Beyond it a bound bounds nothing. */
const largestStaleness = 4096;

export const modeShape = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('local-sgd'),
    localSteps: z.int().positive(),
    replicas: z.int().positive(),
    outer: z.strictObject({ learningRate: z.number().positive(), momentum: z.number().min(0).lt(1) }),
  }),
  z.strictObject({
    type: z.literal('async'),
    staleness: z.int().min(0).max(largestStaleness),
    reproducible: z.literal(false),
  }),
]);
