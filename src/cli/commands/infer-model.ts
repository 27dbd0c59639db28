import { type Kernels, resolveKernels } from '../../engine/index.js';
import { type ModelFile, readModelFile } from '../../store/index.js';
import { UsageError } from '../errors.js';
import { lastModel } from '../folders.js';
import type { Values } from '../options/table.js';
import type { inferTable } from '../options/tables.js';
import type { Session } from '../session.js';

/** What classifies: the model that was named, or that of the last run, and the kernels. */
export interface Classifier {
  model: ModelFile;
  modelPath: string;
  kernels: Kernels;
}

/** @throws UsageError for options that do not fit the model; NoModelError, ModelFileError, KernelsUnavailableError */
export async function openClassifier(
  values: Values<typeof inferTable>,
  { log, host }: Session,
): Promise<Classifier> {
  const modelPath = values.model ?? (await lastModel(host.env));
  const model = await readModelFile(modelPath);
  const { kernels, reason } = resolveKernels(values.kernels ?? undefined);
  if (values.top > model.classes.length) {
    throw new UsageError(
      `--top is ${values.top}, but the model ${modelPath} knows ${model.classes.length} classes: take at most as many.`,
    );
  }
  log.info('model', { file: modelPath, name: model.spec.name, kernels: kernels.name, why: reason });
  return { model, modelPath, kernels };
}
