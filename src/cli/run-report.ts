import { join } from 'node:path';
import type { RunSummary } from '../coordinator/index.js';
import { formatDuration } from '../metrics/index.js';

/** The last lines of a run: what came out, where it is, and what to do next. */
export function runReport(
  summary: RunSummary,
  o: { outDir: string; dataDir: string; trainFolders: readonly string[]; resumeCommand: string },
): string {
  if (summary.steps === 0) {
    return ['Stopped before the first step.', `Go on with  ${o.resumeCommand}`].join('\n');
  }
  const figures = [
    summary.validationAccuracy === null
      ? 'not validated'
      : `validation accuracy ${(100 * summary.validationAccuracy).toFixed(2)} %`,
    `training loss ${summary.trainLoss.toFixed(4)}`,
    `${Math.round(summary.imagesPerSecond)} images/s`,
  ].join(', ');
  const best =
    summary.bestEpoch === null
      ? ''
      : ` The model is that of epoch ${summary.bestEpoch}, the best by validation.`;
  const took = `${summary.epochs} epochs, ${summary.steps} steps in ${formatDuration(summary.seconds)}`;
  if (summary.outcome === 'stopped') {
    return [`Stopped after ${took}: ${figures}.`, `Go on with  ${o.resumeCommand}`].join('\n');
  }
  const rows = [
    ['model', summary.modelPath],
    ['sha256', summary.modelSha256],
    ['history', join(o.outDir, 'history.csv')],
    ['curves', join(o.outDir, 'curves.png')],
  ] as const;
  return [
    `Trained ${took}: ${figures}.${best}`,
    ...rows.map(([name, value]) => `  ${name.padEnd(8)} ${value}`),
    'Evaluate it on a folder that it has not seen, like',
    `  cnn-infer ${join(o.dataDir, 'testing-a')} --eval`,
  ].join('\n');
}
