import { z } from 'zod';

/** One epoch, as it stands in history.csv and in the checkpoints. */
export const historyRowSchema = z.strictObject({
  /** 1 for the first. */
  epoch: z.int().positive(),
  /** Whole steps done at its end. */
  step: z.int().positive(),
  /** Of its last step. */
  learningRate: z.number(),
  /** Mean cross-entropy in nats over the epoch, each step with its own parameters. */
  trainLoss: z.number(),
  trainAccuracy: z.number(),
  validationLoss: z.number().nullable(),
  validationAccuracy: z.number().nullable(),
  /** From the end of the epoch before, validation included. */
  seconds: z.number(),
  /** Training images. */
  imagesPerSecond: z.number(),
});
export type HistoryRow = z.infer<typeof historyRowSchema>;

/** The epoch that was validated best: the largest accuracy, then the smallest loss, then the first. Null without validation. */
export function bestEpoch(rows: readonly HistoryRow[]): HistoryRow | null {
  let best: HistoryRow | null = null;
  for (const row of rows) {
    if (row.validationAccuracy === null) continue;
    if (best === null || isBetter(row, best)) best = row;
  }
  return best;
}

function isBetter(row: HistoryRow, than: HistoryRow): boolean {
  const [accuracy, before] = [row.validationAccuracy ?? 0, than.validationAccuracy ?? 0];
  return accuracy === before ? (row.validationLoss ?? 0) < (than.validationLoss ?? 0) : accuracy > before;
}

/** Whether the last `patience` epochs brought nothing better; never without patience. */
export function isExhausted(rows: readonly HistoryRow[], patience: number | undefined): boolean {
  const best = bestEpoch(rows);
  return patience !== undefined && best !== null && rows.length - best.epoch >= patience;
}

export function earlyEnd(rows: readonly HistoryRow[]): string {
  const best = bestEpoch(rows);
  const since = rows.length - (best?.epoch ?? 0);
  return `The validation has not become better for ${since} ${since === 1 ? 'epoch' : 'epochs'}: the run ends here. The best was epoch ${best?.epoch}.`;
}

const columns = [
  'epoch',
  'step',
  'learning_rate',
  'train_loss',
  'train_accuracy',
  'validation_loss',
  'validation_accuracy',
  'seconds',
  'images_per_second',
];

/** The whole file: it is written anew after each epoch, so a resumed run leaves no line of what it does again. */
export function formatHistory(rows: readonly HistoryRow[]): string {
  const lines = rows.map((row) =>
    [
      row.epoch,
      row.step,
      row.learningRate,
      row.trainLoss,
      row.trainAccuracy,
      row.validationLoss ?? '',
      row.validationAccuracy ?? '',
      row.seconds.toFixed(3),
      row.imagesPerSecond.toFixed(1),
    ].join(','),
  );
  return `${[columns.join(','), ...lines].join('\n')}\n`;
}
