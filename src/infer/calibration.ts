import { guesses } from './evaluate.js';

/** Guesses of about the same confidence. */
export interface ConfidenceBin {
  /** Confidences above `from`, up to `to`. */
  from: number;
  to: number;
  count: number;
  /** Mean of their confidences; the middle of the bin if it is empty. */
  confidence: number;
  /** Share of them that is right; 0 if the bin is empty. */
  accuracy: number;
}

export interface Calibration {
  bins: ConfidenceBin[];
  /** Expected calibration error: Σ count/n · |accuracy − confidence|, 0…1. */
  ece: number;
  /** Mean confidence of all guesses, 0…1. */
  confidence: number;
}

/**
 * Whether "90 % sure" is right in nine of ten cases. labels[n], probabilities[n][classes]; bins of equal width, as in Guo et al.,
 * "On Calibration of Modern Neural Networks" (2017).
 */
export function calibrate(o: {
  labels: Uint8Array;
  probabilities: Float32Array;
  classes: number;
  bins?: number;
}): Calibration {
  const count = o.bins ?? 10;
  const n = o.labels.length;
  const sums = Array.from({ length: count }, () => ({ count: 0, confidence: 0, right: 0 }));
  const guessed = guesses(o.probabilities, o.classes);
  let all = 0;
  for (let i = 0; i < n; i++) {
    const confidence = o.probabilities[i * o.classes + guessed[i]];
    const bin = sums[Math.min(count - 1, Math.max(0, Math.ceil(confidence * count) - 1))];
    bin.count += 1;
    bin.confidence += confidence;
    bin.right += guessed[i] === o.labels[i] ? 1 : 0;
    all += confidence;
  }
  const bins = sums.map((sum, b) => ({
    from: b / count,
    to: (b + 1) / count,
    count: sum.count,
    confidence: sum.count === 0 ? (b + 0.5) / count : sum.confidence / sum.count,
    accuracy: sum.count === 0 ? 0 : sum.right / sum.count,
  }));
  const ece =
    n === 0
      ? 0
      : bins.reduce((sum, bin) => sum + (bin.count / n) * Math.abs(bin.accuracy - bin.confidence), 0);
  return { bins, ece, confidence: n === 0 ? 0 : all / n };
}

/** Wilson's 95 % interval of a share (1927): where the accuracy on more images of the same kind probably lies. */
export function wilsonInterval(right: number, n: number): [low: number, high: number] {
  if (n === 0) return [0, 1];
  const z = 1.959964;
  const share = right / n;
  const middle = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
