import type { Prediction } from './csv.js';
import { guesses } from './evaluate.js';

/** What each image is taken for, and how surely. names[n], probabilities[n][classes] → [n] */
export function rank(
  names: readonly string[],
  probabilities: Float32Array,
  classes: readonly string[],
): Prediction[] {
  const guessed = guesses(probabilities, classes.length);
  return names.map((filename, i) => {
    const guess = guessed[i] ?? 0;
    return {
      filename,
      digit: classes[guess] ?? String(guess),
      confidence: probabilities[i * classes.length + guess] ?? 0,
    };
  });
}
