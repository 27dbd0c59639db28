import { join } from 'node:path';
import type { RunSummary } from '../coordinator/index.js';
import { formatDuration } from '../metrics/index.js';

interface ReportOptions {
  outDir: string;
  dataDir: string;
  resumeCommand: string;
}

/** Workers that are named; more are only counted. */
const named = 6;

/** The last lines of a run: what came out, what happened on the way, where everything is, and what to do next. */
export function runReport(summary: RunSummary, o: ReportOptions): string {
  if (summary.steps === 0) {
    return ['Stopped before the first step.', `Go on with  ${o.resumeCommand}`].join('\n');
  }
  const { epochs, steps, seconds, imagesPerSecond } = summary;
  const took = `${plural(epochs, 'epoch')}, ${plural(steps, 'step')} in ${formatDuration(seconds)}, ${Math.round(imagesPerSecond)} images/s`;
  const isFinished = summary.outcome === 'finished';
  const rows = [...figures(summary), ...files(summary, o), ...happenings(summary)];
  return [
    `${isFinished ? 'Trained' : 'Stopped after'} ${took}.`,
    ...rows.map(([name, value]) => `  ${name.padEnd(10)} ${value}`),
    ...(isFinished
      ? [
          'Evaluate it on a folder that it has not seen, like',
          `  cnn-infer ${join(o.dataDir, 'testing-a')} --eval --report report.html`,
        ]
      : [`Go on with  ${o.resumeCommand}`]),
  ].join('\n');
}

type Row = readonly [name: string, value: string];

function figures(summary: RunSummary): Row[] {
  const { validationAccuracy, best, trainLoss, delay, staleness, reproducible } = summary;
  const bestWords =
    best === null ? '' : `, best ${percent(best.validationAccuracy)} after epoch ${best.epoch}`;
  const validation =
    validationAccuracy === null
      ? 'not validated'
      : `accuracy ${percent(validationAccuracy)} at the end${bestWords}`;
  return [
    ['validation', validation],
    ['training', `loss ${trainLoss.toFixed(4)}`],
    ...(delay === 0
      ? []
      : [['delay', `gradients ${plural(delay, 'step')} late, another algorithm than without`] as const]),
    ...(staleness === null
      ? []
      : [
          [
            'async',
            `gradients up to ${plural(staleness, 'update')} late; not bit-identical: depends on the order of arrival`,
          ] as const,
        ]),
    ...(reproducible
      ? []
      : [['bits', 'depend on the cluster: the same spec and data give another sha256'] as const]),
  ];
}

function files(summary: RunSummary, { outDir }: ReportOptions): Row[] {
  const { modelEpoch } = summary;
  const which = modelEpoch === null ? '' : `, of epoch ${modelEpoch}, the best by validation`;
  return [
    ['model', `${summary.modelPath}${which}`],
    ['sha256', summary.modelSha256],
    ['history', join(outDir, 'history.csv')],
    ['curves', join(outDir, 'curves.png')],
  ];
}

function happenings({ account }: RunSummary): Row[] {
  if (account === null) return [];
  const { workers, oddities } = account;
  const names = workers.length <= named ? ` (${workers.join(', ')})` : '';
  return [
    ['workers', workers.length === 0 ? 'none' : `${workers.length}${names}`],
    ...oddities.map((line, i): Row => [i === 0 ? 'incidents' : '', line]),
  ];
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
