import type { Augmentation } from '../../data/index.js';
import { type Kernels, resolveKernels } from '../../engine/index.js';
import { standardViews } from '../../infer/index.js';
import { type ModelFile, readModelFile } from '../../store/index.js';
import { UsageError } from '../errors.js';
import { lastModel } from '../folders.js';
import type { Values } from '../options/table.js';
import type { classifierRows } from '../options/tables.js';
import type { Session } from '../session.js';

/** What classifies: the model that was named, or that of the last run, and the kernels. */
export interface Classifier {
  model: ModelFile;
  modelPath: string;
  kernels: Kernels;
  /** What it looks at beside each image. */
  views: readonly Augmentation[];
}

/** @throws UsageError for a `top` that the model has not; NoModelError, ModelFileError, KernelsUnavailableError */
export async function openClassifier(
  values: Values<typeof classifierRows>,
  top: number,
  { log, host }: Session,
): Promise<Classifier> {
  const modelPath = values.model ?? (await lastModel(host.env));
  const model = await readModelFile(modelPath);
  const { kernels, reason } = resolveKernels(values.kernels ?? undefined);
  if (top > model.classes.length) {
    throw new UsageError(
      `--top is ${top}, but the model ${modelPath} knows ${model.classes.length} classes: take at most as many.`,
    );
  }
  log.info('model', {
    file: modelPath,
    name: model.spec.name,
    ...(model.temperature === undefined ? {} : { temperature: model.temperature.value }),
    kernels: kernels.name,
    why: reason,
  });
  return { model, modelPath, kernels, views: values.tta ? standardViews : [] };
}
