import { hostname } from 'node:os';
import type { RangeStatus, RunStatus, WorkerStatus } from '../../coordinator/index.js';
import { formatDuration } from '../../metrics/index.js';
import { openRabbitObserver } from '../../transport/index.js';
import { brokerAccess } from '../broker-access.js';
import { NoAnswerError } from '../errors.js';
import type { ExitCode } from '../exit-codes.js';
import type { Values } from '../options/table.js';
import type { statusTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { newMemberId } from './member.js';

/** `onko status`: one paragraph per run, one line per worker, and one per range that reducers sum. */
export async function runStatus(values: Values<typeof statusTable>, session: Session): Promise<ExitCode> {
  const { host, log } = session;
  const link = await openRabbitObserver({
    ...(await brokerAccess(values)),
    observer: newMemberId(hostname(), host.pid),
    connectionName: 'onko status',
    log,
  });
  try {
    const reports = await link.askStatus(values.wait * 1000);
    if (reports.length === 0) {
      throw new NoAnswerError(
        `No coordinator answered within ${values.wait} s: no run is under way on this broker, or its coordinator is away. The workers wait; start a run, or go on with one by --resume.`,
      );
    }
    const runs = reports.map(({ statusJson }): RunStatus => JSON.parse(statusJson));
    session.print(values.json ? JSON.stringify(runs, null, 2) : runs.map(describeRun).join('\n\n'));
    return 0;
  } finally {
    await link.close();
  }
}

/** The status of one run, as text for a terminal. */
export function describeRun(run: RunStatus): string {
  const figures = [
    `step ${run.step} of ${run.totalSteps}`,
    ...(run.loss === null ? [] : [`loss ${run.loss.toFixed(4)}`]),
    ...(run.accuracy === null ? [] : [`accuracy ${(100 * run.accuracy).toFixed(2)} %`]),
    ...(run.validationAccuracy === null ? [] : [`validation ${(100 * run.validationAccuracy).toFixed(2)} %`]),
    `${Math.round(run.imagesPerSecond)} images/s`,
    ...(run.etaSeconds === null ? [] : [`${formatDuration(run.etaSeconds)} left`]),
  ];
  const waits = run.waiting === null ? [] : [`  ${run.waiting}`];
  const expelled = run.expelled.map(({ worker, reason }) => `  expelled: ${worker}: ${reason}`);
  return [
    `Run ${run.run}: ${run.phase}, epoch ${run.epoch} of ${run.epochs}, ${figures.join(', ')}.`,
    `  coordinator: Onko ${run.version}, start ${run.fence}, last checkpoint ${formatDuration(run.checkpointAgeSeconds)} ago`,
    ...waits,
    ...workerLines(run.workers),
    ...rangeLines(run.ranges),
    ...expelled,
  ].join('\n');
}

function workerLines(workers: readonly WorkerStatus[]): string[] {
  if (workers.length === 0) return ['  no workers'];
  return table([
    ['worker', 'host', 'threads', 'state', 'seen', 'blocks', 'images/s', 'lag'],
    ...workers.map((one) => [
      one.worker,
      one.host,
      String(one.threads),
      one.state,
      `${one.lastSeenSeconds.toFixed(1)} s ago`,
      one.blocks.length === 0 ? '-' : one.blocks.join(','),
      one.imagesPerSecond === null ? '-' : String(Math.round(one.imagesPerSecond)),
      one.eventLoopLagMs === null ? '-' : `${one.eventLoopLagMs.toFixed(0)} ms`,
    ]),
  ]);
}

function rangeLines(ranges: readonly RangeStatus[]): string[] {
  if (ranges.length === 0) return [];
  const lines = table([
    ['range', 'parameters', 'share', 'reducer', 'host', 'state', 'seen', 'sum awaited'],
    ...ranges.map((one) => [
      String(one.range),
      String(one.parameters),
      `${(100 * one.share).toFixed(1)} %`,
      one.reducer ?? 'nobody',
      one.host === '' ? '-' : one.host,
      one.state,
      one.lastSeenSeconds === null ? '-' : `${one.lastSeenSeconds.toFixed(1)} s ago`,
      one.awaited.length === 0 ? '-' : `step ${one.awaited.join(', ')}`,
    ]),
  ]);
  const before = ranges.flatMap(({ range, before: last }) =>
    last === null
      ? []
      : [
          `  range ${range} was with ${last.reducer}${last.host === '' ? '' : ` on ${last.host}`}, last seen ${last.lastSeenSeconds.toFixed(1)} s ago`,
        ],
  );
  return [...lines, ...before];
}

/** The first row is the head. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd());
}
