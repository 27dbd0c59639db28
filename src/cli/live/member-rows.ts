import type { RunView } from '../../coordinator/index.js';
import type { RangeRow, ReducersSection, WorkerRow, WorkersSection } from '../../page/index.js';

const workersShown = 64;

/** Those that were silent for longest come first: they are why one looks. Else by name, so that rows stay where they are. */
export function workersOf({ status, doing }: RunView): WorkersSection {
  const rows = status.workers
    .map((row) => workerOf(row, doing.get(row.worker) ?? null))
    .toSorted((a, b) => lateness(b) - lateness(a) || (a.name < b.name ? -1 : 1));
  return { rows: rows.slice(0, workersShown), more: Math.max(0, rows.length - workersShown) };
}

/** A heartbeat that is on its way makes nobody late. */
const lateness = ({ lastSeenSeconds }: WorkerRow): number => (lastSeenSeconds > 5 ? lastSeenSeconds : 0);

const share = (value: number): number => Number(value.toFixed(2));

function workerOf(
  row: RunView['status']['workers'][number],
  doing: { computing: number; fetching: number } | null,
): WorkerRow {
  return {
    name: row.worker,
    host: row.host,
    kernels: row.kernels,
    threads: row.threads,
    state: row.state,
    lastSeenSeconds: Math.round(row.lastSeenSeconds),
    imagesPerSecond: row.imagesPerSecond === null ? null : Math.round(row.imagesPerSecond),
    blocks: row.blocks.length,
    doing:
      doing === null
        ? null
        : {
            computing: share(doing.computing),
            fetching: share(doing.fetching),
            waiting: share(1 - doing.computing - doing.fetching),
          },
  };
}

/** In the order of the parameters. */
export function reducersOf({ phase, ranges }: RunView['status']): ReducersSection | null {
  if (ranges.length === 0) return null;
  const rows = ranges.map(
    ({ lastSeenSeconds, before, ...row }): RangeRow => ({
      ...row,
      share: Number(row.share.toPrecision(5)),
      lastSeenSeconds: lastSeenSeconds === null ? null : Math.round(lastSeenSeconds),
      before:
        before === null
          ? null
          : { reducer: before.reducer, lastSeenSeconds: Math.round(before.lastSeenSeconds) },
    }),
  );
  const isOver = phase === 'finished' || phase === 'stopped';
  const free = rows.flatMap(({ range, state }) => (state === 'held' || isOver ? [] : [range]));
  return { rows, free };
}
