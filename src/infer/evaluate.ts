/** How one class fared. A quotient 0/0 counts as 0. */
export interface ClassScore {
  name: string;
  /** Of what was called this, how much was it. */
  precision: number;
  /** Of what was this, how much was called so. */
  recall: number;
  /** 2·precision·recall / (precision + recall) */
  f1: number;
  /** Images that are this. */
  support: number;
}

export interface Evaluation {
  samples: number;
  correct: number;
  /** correct / samples */
  accuracy: number;
  /** Mean F1 of the classes that occur among the labels or among the guesses, as scikit-learn takes it. */
  macroF1: number;
  /** Mean cross-entropy, in nats. */
  loss: number;
  perClass: ClassScore[];
  /** [truth][guess], classes² counts */
  confusion: Uint32Array;
}

/** The smallest positive float32: what a probability that was rounded to 0 is taken for, so that the loss stays finite. */
const tiniest = 2 ** -149;

/** The class with the largest probability; the first of equals. probabilities[count][classes] → [count] */
export function guesses(probabilities: Float32Array, classes: number): Uint8Array {
  const out = new Uint8Array(probabilities.length / classes);
  for (let i = 0; i < out.length; i++) {
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if (at(probabilities, i * classes + c) > at(probabilities, i * classes + best)) best = c;
    }
    out[i] = best;
  }
  return out;
}

/**
 * labels[n] (class numbers), probabilities[n][classes] → every figure of a report.
 *
 * Formulas: precision = TP / (TP + FP), recall = TP / (TP + FN), F1 their harmonic mean (van Rijsbergen 1979), loss =
 * −(1/n) Σ ln p(truth).
 * @throws RangeError if the lengths do not agree or a label is no class
 */
export function evaluatePredictions(o: {
  labels: Uint8Array;
  probabilities: Float32Array;
  classes: readonly string[];
}): Evaluation {
  const n = o.labels.length;
  const k = o.classes.length;
  if (o.probabilities.length !== n * k) {
    throw new RangeError(`Expected ${n}×${k} probabilities, got ${o.probabilities.length}.`);
  }
  const guessed = guesses(o.probabilities, k);
  const confusion = new Uint32Array(k * k);
  let lossSum = 0;
  for (let i = 0; i < n; i++) {
    const truth = at(o.labels, i);
    if (truth >= k) throw new RangeError(`Label ${truth} of sample ${i} is none of the ${k} classes.`);
    const cell = truth * k + at(guessed, i);
    confusion[cell] = at(confusion, cell) + 1;
    lossSum -= Math.log(Math.max(at(o.probabilities, i * k + truth), tiniest));
  }
  const perClass = o.classes.map((name, c) => scoreClass(name, c, k, confusion));
  const occurring = perClass.filter((score, c) => score.support > 0 || columnSum(confusion, c, k) > 0);
  const correct = o.classes.reduce((sum, _, c) => sum + at(confusion, c * k + c), 0);
  return {
    samples: n,
    correct,
    accuracy: ratio(correct, n),
    macroF1: ratio(
      occurring.reduce((sum, score) => sum + score.f1, 0),
      occurring.length,
    ),
    loss: ratio(lossSum, n),
    perClass,
    confusion,
  };
}

function scoreClass(name: string, c: number, k: number, confusion: Uint32Array): ClassScore {
  const hits = at(confusion, c * k + c);
  const support = confusion.subarray(c * k, (c + 1) * k).reduce((sum, count) => sum + count, 0);
  const precision = ratio(hits, columnSum(confusion, c, k));
  const recall = ratio(hits, support);
  return { name, precision, recall, f1: ratio(2 * precision * recall, precision + recall), support };
}

function columnSum(confusion: Uint32Array, guess: number, k: number): number {
  let sum = 0;
  for (let truth = 0; truth < k; truth++) sum += at(confusion, truth * k + guess);
  return sum;
}

function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

/** Indices here are in range by construction; the type checker cannot know. */
function at(values: Uint8Array | Uint32Array | Float32Array, index: number): number {
  return values[index] ?? Number.NaN;
}
