import { randomBytes } from 'node:crypto';
import { stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, outputError, writeAtomically } from '../store/index.js';
import type { Calibration } from './calibration.js';
import { rejectsCsv } from './csv.js';
import type { Evaluation } from './evaluate.js';
import { encodeSorted, type OutputFormat } from './formats.js';
import type { Inference } from './predict.js';
import { type Prediction, rank } from './rank.js';
import { reviewCsv } from './review.js';

/** Paths of what was written. */
export interface PredictionFiles {
  predictions: string;
  /** null if every image could be classified. */
  rejects: string | null;
}

/**
 * Whether something can be written there, before anything is computed for it.
 * @throws OutputError
 */
export async function checkOutput(dir: string): Promise<void> {
  await makeFolder(dir);
  const probe = join(dir, `.onko-${randomBytes(6).toString('hex')}`);
  try {
    await writeFile(probe, '', { flag: 'wx' });
    await unlink(probe);
  } catch (error) {
    throw outputError(dir, error);
  }
}

/**
 * `DIR/predictions.FORMAT`, and `DIR/rejects.csv` if there are any. A rejects.csv of an earlier call is emptied, never left lying.
 * @throws OutputError
 */
export async function writePredictions(
  dir: string,
  inference: Inference,
  classes: readonly string[],
  o: { format: OutputFormat; top: number },
): Promise<PredictionFiles> {
  await makeFolder(dir);
  const ranked = rank(inference.names, inference.probabilities, classes, o.top);
  const rejected = inference.rejects.map(({ name, reason }) => ({ filename: name, reason }));
  const predictions = join(dir, `predictions.${o.format}`);
  await writeAtomically(predictions, encodeSorted([...ranked, ...rejected], o.format, o.top));
  const rejects = join(dir, 'rejects.csv');
  const some = inference.rejects.length > 0;
  if (some || (await exists(rejects))) await writeAtomically(rejects, rejectsCsv(inference.rejects));
  return { predictions, rejects: some ? rejects : null };
}

/**
 * `DIR/review.csv`, also when there is nothing to review: one of an earlier call would be taken for this one's.
 * @returns its path
 * @throws OutputError
 */
export async function writeReview(
  dir: string,
  predictions: readonly Prediction[],
  top: number,
): Promise<string> {
  await makeFolder(dir);
  const path = join(dir, 'review.csv');
  await writeAtomically(path, reviewCsv(predictions, top));
  return path;
}

export interface EvaluationFiles {
  metrics: string;
  confusion: string;
  reliability: string;
}

/**
 * `DIR/evaluation/metrics.json`, and `confusion` and `reliability` as .png and .svg. In a folder of their own, because DIR may be the image folder: a
 * picture beside the images would be classified the next time.
 * @throws OutputError
 */
export async function writeEvaluation(
  dir: string,
  evaluation: Evaluation,
  calibration: Calibration,
  classes: readonly string[],
  facts: Record<string, unknown>,
): Promise<EvaluationFiles> {
  const folder = join(dir, 'evaluation');
  await makeFolder(folder);
  // Loaded here: drawing needs libraries that a plain classification can do without.
  const { renderConfusion, renderReliability } = await import('../charts/index.js');
  const keep = async (name: string, { svg, png }: { svg: string; png: Uint8Array }): Promise<string> => {
    await writeAtomically(join(folder, `${name}.svg`), svg);
    await writeAtomically(join(folder, `${name}.png`), png);
    return join(folder, `${name}.png`);
  };
  const confusion = await keep('confusion', await renderConfusion(evaluation.confusion, [...classes]));
  const reliability = await keep('reliability', await renderReliability(calibration.bins, calibration.ece));
  const metrics = join(folder, 'metrics.json');
  const { ece, confidence, bins } = calibration;
  await writeAtomically(
    metrics,
    metricsJson(evaluation, { ...facts, calibration: { ece, confidence, bins } }),
  );
  return { metrics, confusion, reliability };
}

export function metricsJson(evaluation: Evaluation, facts: Record<string, unknown>): string {
  const { samples, correct, accuracy, macroF1, loss, perClass, confusion } = evaluation;
  const k = perClass.length;
  const rows = perClass.map((_, truth) => Array.from(confusion.subarray(truth * k, (truth + 1) * k)));
  const all = { ...facts, samples, correct, accuracy, macroF1, loss, perClass, confusion: rows };
  return `${JSON.stringify(all, null, 2)}\n`;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
