import { guesses } from './evaluate.js';

/** A class, and its probability, 0…1. */
export interface Guess {
  digit: string;
  confidence: number;
}

/** The most probable class of an image, and the ones after it that were asked for, most probable first. */
export interface Prediction extends Guess {
  filename: string;
  others: Guess[];
}

/**
 * The `top` most probable classes of each image; of equals, the first class comes first. names[n], probabilities[n][classes] → [n]
 */
export function rank(
  names: readonly string[],
  probabilities: Float32Array,
  classes: readonly string[],
  top: number,
): Prediction[] {
  const k = classes.length;
  const guessed = guesses(probabilities, k);
  return names.map((filename, i) => {
    const guessOf = (c: number): Guess => ({
      digit: classes[c] ?? String(c),
      confidence: probabilities[i * k + c] ?? 0,
    });
    const first = guessed[i] ?? 0;
    const others = top === 1 ? [] : othersOf(probabilities.subarray(i * k, (i + 1) * k), first, top - 1);
    return { filename, ...guessOf(first), others: others.map(guessOf) };
  });
}

function othersOf(probabilities: Float32Array, first: number, count: number): number[] {
  return Array.from(probabilities.keys())
    .filter((c) => c !== first)
    .toSorted((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0) || a - b)
    .slice(0, count);
}
