import { exp, log } from './math.js';

/** Temperatures that are looked at: from a model far too careful to one far too sure. */
const lowest = 1 / 16;
const highest = 16;
/** What a probability that was rounded to 0 is taken for: the smallest positive float32. */
const tiniest = 2 ** -149;
/** Far more than the four decimals that are kept need. */
const precision = 1e-8;

/**
 * The temperature T that makes guesses on these samples as sure as they are right: with p^(1/T), normalised, in place of each
 * probability, the cross-entropy is smallest (Guo et al., "On Calibration of Modern Neural Networks", 2017). That is the
 * softmax of the logits divided by T: log p differs from them by what all classes of a sample share.
 *
 * Where every guess is right, the smallest would be at T = 0. So the labels are taken for as certain as n samples make them, (n + 1)
 * in (n + 2), the rest being shared by the other classes (Platt, "Probabilistic Outputs for Support Vector Machines", 1999).
 *
 * @param o probabilities[n][classes] of samples that the model was not trained on, labels[n]
 * @returns T with four decimals, 1/16 to 16, the same on every machine; null without samples, or if a probability is no number
 */
export function fitTemperature(o: {
  probabilities: Float32Array;
  labels: Uint8Array;
  classes: number;
}): number | null {
  const { probabilities, labels, classes } = o;
  const n = labels.length;
  if (n === 0 || !probabilities.every(Number.isFinite)) return null;
  const logs = Float64Array.from(probabilities, (p) => log(Math.max(p, tiniest)));
  const doubt = 1 / (n + 2) / (classes - 1);
  // The cross-entropy is convex in β = 1/T: its slope is 0 once at most.
  let [low, high] = [1 / highest, 1 / lowest];
  let beta = 1;
  while (high - low > precision * low) {
    const { slope, curvature } = slopeAt(beta, logs, labels, classes, doubt);
    if (slope === 0) break;
    if (slope > 0) high = beta;
    else low = beta;
    const newton = beta - slope / curvature;
    const next = newton > low && newton < high ? newton : Math.sqrt(low * high);
    const isThere = Math.abs(next - beta) < precision * beta;
    beta = next;
    if (isThere) break;
  }
  return Math.round(10_000 / beta) / 10_000;
}

/** First and second derivative of the summed cross-entropy by β; logs[n][classes]. */
function slopeAt(
  beta: number,
  logs: Float64Array,
  labels: Uint8Array,
  classes: number,
  doubt: number,
): { slope: number; curvature: number } {
  let slope = 0;
  let curvature = 0;
  for (let i = 0; i < labels.length; i++) {
    const first = i * classes;
    let largest = logs[first];
    let all = 0;
    for (let c = 0; c < classes; c++) {
      const value = logs[first + c];
      all += value;
      if (value > largest) largest = value;
    }
    let sum = 0;
    let mean = 0;
    let square = 0;
    for (let c = 0; c < classes; c++) {
      const value = logs[first + c] - largest;
      const weight = exp(beta * value);
      sum += weight;
      mean += weight * value;
      square += weight * value * value;
    }
    mean /= sum;
    const truth = logs[first + labels[i]];
    slope += mean + largest - ((1 - doubt * classes) * truth + doubt * all);
    curvature += square / sum - mean * mean;
  }
  return { slope, curvature };
}

/**
 * probabilities[n][classes] ← p^(1/temperature), normalised. The order within a sample stays, and with it every guess: where rounding
 * would make a class as probable as the likeliest one, it is left one step below it. At temperature 1 nothing changes.
 */
export function applyTemperature(probabilities: Float32Array, classes: number, temperature: number): void {
  if (temperature === 1) return;
  const beta = 1 / temperature;
  const powers = new Float64Array(classes);
  for (let first = 0; first < probabilities.length; first += classes) {
    let best = 0;
    for (let c = 1; c < classes; c++) if (probabilities[first + c] > probabilities[first + best]) best = c;
    const top = log(probabilities[first + best]);
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      powers[c] = exp(beta * (log(probabilities[first + c]) - top));
      sum += powers[c];
    }
    for (let c = 0; c < classes; c++) probabilities[first + c] = powers[c] / sum;
    const likeliest = probabilities[first + best];
    for (let c = 0; c < best; c++) {
      if (probabilities[first + c] === likeliest) probabilities[first + c] = likeliest * (1 - 2 ** -24);
    }
  }
}
