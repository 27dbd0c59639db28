import { z } from 'zod';
import { SpecError } from './spec.js';

/** What makes the loss that is trained with more than the cross-entropy. */
export interface LossSpec {
  /** ε: a label says its own class with 1 − ε, and every class with ε/classes more. Default 0. */
  labelSmoothing?: number | undefined;
  /** How much a sample of each class counts. Default 1 each. */
  classWeights?: number[] | undefined;
}

const schema = z.strictObject({
  labelSmoothing: z.number().min(0).lt(1).optional(),
  classWeights: z.array(z.number().positive().max(1e6)).optional(),
});

/**
 * targets[label][class]: how much −ln p of each class counts in the loss of a sample, as PyTorch's CrossEntropyLoss has it
 * (label_smoothing, weight): w[k]·ε/classes, and w[label]·(1 − ε) more for the label. The sum over a batch is
 * divided by its samples, not by their weights.
 *
 * @throws SpecError for a smoothing outside of [0, 1), or weights that are not one positive number per class
 */
export function lossTargets(classes: number, json: unknown): Float64Array {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new SpecError(`The loss is not valid at ${issue?.path.join('.')}: ${issue?.message}.`);
  }
  const { labelSmoothing = 0, classWeights = Array.from({ length: classes }, () => 1) } = parsed.data;
  if (classWeights.length !== classes) {
    throw new SpecError(`Expected ${classes} class weights, one per class, found ${classWeights.length}.`);
  }
  const targets = new Float64Array(classes * classes);
  for (let label = 0; label < classes; label++) {
    for (const [k, weight] of classWeights.entries()) {
      const own = k === label ? 1 - labelSmoothing : 0;
      targets[label * classes + k] = weight * (own + labelSmoothing / classes);
    }
  }
  return targets;
}

/**
 * Weights under which every class counts the same: samples / (classes · samples of the class); their mean over the samples is 1.
 * A class without samples gets 1.
 */
export function balancedWeights(labels: Iterable<number>, classes: number): number[] {
  const counts = Array.from({ length: classes }, () => 0);
  let samples = 0;
  for (const label of labels) {
    counts[label]++;
    samples++;
  }
  return counts.map((count) => (count === 0 ? 1 : samples / (classes * count)));
}
