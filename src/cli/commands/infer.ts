import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import {
  calibrate,
  checkOutput,
  doubtful,
  type Evaluation,
  evaluatePredictions,
  formatCalibration,
  formatConfusion,
  formatScores,
  type Inference,
  rank,
  runInference,
  writeEvaluation,
  writePredictions,
  writeReport,
  writeReview,
} from '../../infer/index.js';
import { UsageError } from '../errors.js';
import type { ExitCode } from '../exit-codes.js';
import { tidyFolder } from '../folders.js';
import { version } from '../host.js';
import type { Values } from '../options/table.js';
import type { inferTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { openClassifier } from './infer-model.js';
import { runInferPaths } from './infer-paths.js';

/** `cnn-infer IMAGES…`: one folder, or files, or paths on standard input. */
export async function runInfer(values: Values<typeof inferTable>, session: Session): Promise<ExitCode> {
  const { operand, operands } = session;
  if (operands.includes('-')) {
    if (operands.length > 1) throw new UsageError('- stands for paths on standard input, and stands alone.');
    return runInferPaths(values, session, { type: 'stdin' });
  }
  // One that is missing is told as a missing folder is.
  if (operands.length === 1 && !(await isFile(operand))) return runInferFolder(values, session);
  return runInferPaths(values, session, { type: 'files', paths: operands });
}

/** Predictions, and with --eval how good they are. */
async function runInferFolder(values: Values<typeof inferTable>, session: Session): Promise<ExitCode> {
  const { log, host, signals } = session;
  const folder = tidyFolder(session.operand);
  if (values.report !== null && !values.eval)
    throw new UsageError('--report needs --eval: a report compares with the labels in FOLDER.csv.');
  if (values.null)
    throw new UsageError('--null belongs to paths on standard input: name - in place of the folder.');
  const { model, modelPath, kernels, views } = await openClassifier(values, values.top, session);
  const outDir = values.out ?? folder;
  // Not after an hour of classifying. But a folder of images that is missing is told as such, and not made.
  if (values.out !== null || (await isFolder(folder))) await checkOutput(outDir);
  const startMs = host.now();
  const inference = await runInference({
    model,
    folder,
    labelled: values.eval,
    kernels,
    threads: values.threads ?? availableParallelism(),
    views,
    onProgress: ({ phase, done, total }) =>
      session.progress({
        phase,
        done,
        total,
        loss: null,
        accuracy: null,
        imagesPerSecond: null,
        workers: null,
      }),
    signal: signals.stop,
  });
  const seconds = (host.now() - startMs) / 1000;
  /** The line that says where it is, if one was asked for. */
  const report = async (
    labelled: Inference & { labels: Uint8Array },
    evaluation: Evaluation,
  ): Promise<string[]> => {
    if (values.report === null) return [];
    await writeReport(values.report, {
      inference: labelled,
      evaluation,
      model,
      modelPath,
      modelSha256: createHash('sha256')
        .update(await readFile(modelPath))
        .digest('hex'),
      folder,
      folderName: basename(folder),
      kernels: kernels.name,
      numericsId: kernels.numericsId,
      version,
      date: new Date(),
    });
    return [`  report       ${values.report}`];
  };
  const files = await writePredictions(outDir, inference, model.classes, {
    format: values.format,
    top: values.top,
  });
  for (const note of inference.notes) log.info(note);
  const count = inference.names.length;
  const lines = [
    `Classified ${count} ${count === 1 ? 'image' : 'images'} of ${basename(folder)} in ${seconds.toFixed(1)} s.`,
    `  predictions  ${files.predictions}`,
  ];
  if (inference.rejects.length > 0) {
    lines.push(`  rejected     ${inference.rejects.length}, see ${files.rejects}`);
    for (const { name, reason: why } of inference.rejects.slice(0, 5)) lines.push(`    ${name}: ${why}`);
    if (inference.rejects.length > 5) lines.push(`    and ${inference.rejects.length - 5} more`);
  }
  if (values.review !== null) {
    const { names, probabilities } = inference;
    const toReview = doubtful(rank(names, probabilities, model.classes, values.top), values.review);
    const file = await writeReview(outDir, toReview, values.top);
    lines.push(`  to review    ${toReview.length} below ${values.review}, see ${file}`);
  }
  if (inference.labels !== null) {
    const { labels, probabilities, untempered } = inference;
    const evaluation = evaluatePredictions({ labels, probabilities, classes: model.classes });
    const classes = model.classes.length;
    const calibration = calibrate({ labels, probabilities, classes });
    const { temperature } = model;
    const own = temperature === undefined ? null : calibrate({ labels, probabilities: untempered, classes });
    const written = await writeEvaluation(outDir, evaluation, calibration, model.classes, {
      folder: basename(folder),
      model: modelPath,
      onko: version,
      numericsId: kernels.numericsId,
      rejected: inference.rejects.length,
      views: 1 + views.length,
      ...(own === null
        ? {}
        : { temperature, withoutTemperature: { ece: own.ece, confidence: own.confidence } }),
    });
    lines.push(
      `  metrics      ${written.metrics}`,
      `  pictures     ${written.confusion}`,
      `               ${written.reliability}`,
      ...(await report({ ...inference, labels }, evaluation)),
      '',
      formatScores(evaluation),
      '',
      formatCalibration(calibration, own, temperature?.value ?? 1),
      '',
      formatConfusion(evaluation.confusion, model.classes),
    );
  }
  session.print(lines.join('\n'));
  return 0;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isFile(),
    () => false,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}
