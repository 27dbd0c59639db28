import { availableParallelism } from 'node:os';
import {
  batchSize,
  classifyPaths,
  createEncoder,
  InferenceError,
  inBatches,
  type Outcome,
  pathBatches,
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
  const encoder = createEncoder(values.format, values.top);
  await session.write(encoder.head());
  for await (const paths of batches) {
    const { reasons, probabilities } = await classifyPaths(paths, {
      model,
      kernels,
      threads,
      signal: signals.stop,
    });
    let next = 0;
    const names = paths.filter((_, i) => reasons[i] === null);
    const predictions = rank(names, probabilities, model.classes, values.top);
    counts.classified += predictions.length;
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
  return 0;
}

function refuseFolderOptions(values: Values<typeof inferTable>): void {
  const given = values.eval ? '--eval' : values.out === null ? null : '--out';
  if (given === null) return;
  throw new UsageError(
    `${given} belongs to a folder. The predictions of single files and of paths on standard input go to standard output.`,
  );
}
