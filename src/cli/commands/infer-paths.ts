import { availableParallelism } from 'node:os';
import {
  batchSize,
  checkOutput,
  classifyPaths,
  createEncoder,
  doubtful,
  InferenceError,
  inBatches,
  type Outcome,
  type Prediction,
  pathBatches,
  rank,
  writeReview,
} from '../../infer/index.js';
import { UsageError } from '../errors.js';
import type { ExitCode } from '../exit-codes.js';
import type { Values } from '../options/table.js';
import type { inferTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { openClassifier } from './infer-model.js';

/** `cnn-infer FILE…` and `cnn-infer -`: predictions on standard output, in the order of the paths, as soon as they are there. */
export async function runInferPaths(
  values: Values<typeof inferTable>,
  session: Session,
  source: { type: 'files'; paths: readonly string[] } | { type: 'stdin' },
): Promise<ExitCode> {
  const { log, host, signals } = session;
  refuseFolderOptions(values);
  if (values.null && source.type === 'files')
    throw new UsageError('--null belongs to paths on standard input: name - in place of the files.');
  const { model, kernels, views } = await openClassifier(values, values.top, session);
  const threads = values.threads ?? availableParallelism();
  const most = batchSize(model);
  const batches =
    source.type === 'files'
      ? inBatches(source.paths, most)
      : pathBatches(host.stdin(), most, { end: values.null ? 'zero byte' : 'line', signal: signals.stop });
  const { review } = values;
  const reviewDir = values.out ?? '.';
  if (review !== null) await checkOutput(reviewDir);
  const toReview: Prediction[] = [];
  const startMs = host.now();
  const counts = { classified: 0, rejected: 0 };
  let firstReject = '';
  const encoder = createEncoder(values.format, values.top);
  await session.write(encoder.head());
  for await (const paths of batches) {
    const { reasons, probabilities } = await classifyPaths(paths, {
      model,
      kernels,
      threads,
      views,
      signal: signals.stop,
    });
    let next = 0;
    const names = paths.filter((_, i) => reasons[i] === null);
    const predictions = rank(names, probabilities, model.classes, values.top);
    counts.classified += predictions.length;
    if (review !== null) toReview.push(...doubtful(predictions, review));
    const outcomes = reasons.map((reason, i): Outcome => {
      if (reason === null) return predictions[next++];
      const filename = paths[i];
      counts.rejected += 1;
      firstReject ||= `; the first: ${filename} (${reason})`;
      log.warn('rejected', { file: filename, why: reason });
      return { filename, reason };
    });
    await session.write(encoder.rows(outcomes));
  }
  await session.write(encoder.tail());
  if (counts.classified === 0) {
    throw new InferenceError(
      counts.rejected === 0
        ? 'No path came on standard input: paths of images were expected, one a line.'
        : `Nothing could be classified: ${counts.rejected} rejected${firstReject}.`,
    );
  }
  log.info('classified', { ...counts, seconds: ((host.now() - startMs) / 1000).toFixed(1) });
  if (review !== null) {
    const file = await writeReview(reviewDir, toReview, values.top);
    log.info('to review', { count: toReview.length, below: review, file });
  }
  return 0;
}

function refuseFolderOptions(values: Values<typeof inferTable>): void {
  if (values.eval) {
    throw new UsageError('--eval belongs to a folder: it compares with the labels in FOLDER.csv.');
  }
  if (values.out !== null && values.review === null) {
    throw new UsageError(
      '--out belongs to a folder, or to --review. The predictions of files and of paths on standard input go to standard output.',
    );
  }
}
