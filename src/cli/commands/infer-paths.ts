import { availableParallelism } from 'node:os';
import {
  batchSize,
  classifyPaths,
  InferenceError,
  inBatches,
  pathBatches,
  predictionHead,
  predictionRow,
  rank,
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
  const { model, kernels } = await openClassifier(values, session);
  const threads = values.threads ?? availableParallelism();
  const most = batchSize(model);
  const batches =
    source.type === 'files' ? inBatches(source.paths, most) : pathBatches(host.stdin(), most, signals.stop);
  const startMs = host.now();
  const counts = { classified: 0, rejected: 0 };
  let firstReject = '';
  await session.write(predictionHead);
  for await (const paths of batches) {
    const { reasons, probabilities } = await classifyPaths(paths, {
      model,
      kernels,
      threads,
      signal: signals.stop,
    });
    const names = paths.filter((_, i) => reasons[i] === null);
    const predictions = rank(names, probabilities, model.classes);
    counts.classified += predictions.length;
    for (const [i, reason] of reasons.entries()) {
      if (reason === null) continue;
      counts.rejected += 1;
      firstReject ||= `; the first: ${paths[i]} (${reason})`;
      log.warn('rejected', { file: paths[i], why: reason });
    }
    await session.write(predictions.map(predictionRow).join(''));
  }
  if (counts.classified === 0) {
    throw new InferenceError(
      counts.rejected === 0
        ? 'No path came on standard input: paths of images were expected, one a line.'
        : `Nothing could be classified: ${counts.rejected} rejected${firstReject}.`,
    );
  }
  log.info('classified', { ...counts, seconds: ((host.now() - startMs) / 1000).toFixed(1) });
  return 0;
}

function refuseFolderOptions(values: Values<typeof inferTable>): void {
  const given = values.eval ? '--eval' : values.out === null ? null : '--out';
  if (given === null) return;
  throw new UsageError(
    `${given} belongs to a folder. The predictions of single files and of paths on standard input go to standard output.`,
  );
}
