import { guesses } from './evaluate.js';

export interface Mistake {
  /** Row of the inference. */
  index: number;
  name: string;
  /** Class numbers. */
  truth: number;
  guess: number;
  /** Probability of the guess, and what was left for the truth; 0…1. */
  confidence: number;
  truthProbability: number;
}

/** The `most` surest wrong guesses, surest first. labels[n], probabilities[n][classes] */
export function worstMistakes(o: {
  names: readonly string[];
  labels: Uint8Array;
  probabilities: Float32Array;
  classes: number;
  most: number;
}): Mistake[] {
  const guessed = guesses(o.probabilities, o.classes);
  const wrong: Mistake[] = [];
  for (const [index, name] of o.names.entries()) {
    const [truth, guess] = [o.labels[index], guessed[index]];
    if (truth === guess) continue;
    const confidence = o.probabilities[index * o.classes + guess];
    const truthProbability = o.probabilities[index * o.classes + truth];
    wrong.push({ index, name, truth, guess, confidence, truthProbability });
  }
  return wrong.toSorted((a, b) => b.confidence - a.confidence || (a.name < b.name ? -1 : 1)).slice(0, o.most);
}

/** Pairs of truth and guess by how often they come, most often first. confusion[truth][guess] */
export function commonConfusions(
  confusion: Uint32Array,
  classes: number,
  most: number,
): { truth: number; guess: number; count: number }[] {
  return Array.from(confusion, (count, i) => ({ truth: Math.floor(i / classes), guess: i % classes, count }))
    .filter(({ truth, guess, count }) => truth !== guess && count > 0)
    .toSorted((a, b) => b.count - a.count)
    .slice(0, most);
}
