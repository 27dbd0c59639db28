import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { fitTemperature, resolveKernels } from '../../engine/index.js';
import { calibrate, formatCalibration, InferenceError, runInference, tempered } from '../../infer/index.js';
import { encodeModelFile, type ModelFile, readModelFile, writeAtomically } from '../../store/index.js';
import type { ExitCode } from '../exit-codes.js';
import { tidyFolder } from '../folders.js';
import type { Values } from '../options/table.js';
import type { calibrateTable } from '../options/tables.js';
import type { Session } from '../session.js';

/** As for a run's validation: fewer say too little. */
const leastImages = 50;

/** `onko calibrate MODEL` */
export async function runCalibrate(
  values: Values<typeof calibrateTable>,
  session: Session,
): Promise<ExitCode> {
  const { log, signals, operand } = session;
  const model = await readModelFile(operand);
  const { kernels } = resolveKernels(values.kernels ?? undefined);
  const folder = tidyFolder(values.folder);
  const name = basename(folder);
  if (trainedOn(model).includes(name)) {
    log.warn(
      `The model was trained on a folder of the name ${name}. If it is this one, the model knows its images and is surer of them than of others: take another.`,
    );
  }
  const inference = await runInference({
    model,
    folder,
    labelled: true,
    kernels,
    threads: values.threads ?? availableParallelism(),
    signal: signals.stop,
  });
  for (const { name: file, reason } of inference.rejects) log.warn('rejected', { file, why: reason });
  const { untempered: probabilities } = inference;
  const labels = inference.labels ?? new Uint8Array(0);
  const classes = model.classes.length;
  if (labels.length < leastImages) {
    throw new InferenceError(
      `A temperature takes at least ${leastImages} labelled images to be fitted on; ${folder} has ${labels.length}.`,
    );
  }
  const value = fitTemperature({ probabilities, labels, classes });
  if (value === null)
    throw new InferenceError(`For some images of ${folder} the model gives no numbers: train it again.`);
  const fitted: ModelFile = { ...model, temperature: { value, fittedOn: name, samples: labels.length } };
  await writeAtomically(values.out, encodeModelFile(fitted));
  const after = calibrate({ labels, probabilities: tempered(fitted, probabilities), classes });
  const before = calibrate({ labels, probabilities, classes });
  session.print(
    [
      `${values.out} takes its confidences at temperature ${value}, fitted on ${labels.length} images of ${name}. On these:`,
      `  ${formatCalibration(after, before, value)}`,
    ].join('\n'),
  );
  return 0;
}

/** Folders that the model's provenance names; none for one that was imported. */
function trainedOn({ provenance }: ModelFile): string[] {
  try {
    const spec: unknown = JSON.parse(provenance['training_spec'] ?? 'null');
    if (typeof spec !== 'object' || spec === null || !('trainFolders' in spec)) return [];
    return Array.isArray(spec.trainFolders) ? spec.trainFolders.map(String) : [];
  } catch {
    return [];
  }
}
