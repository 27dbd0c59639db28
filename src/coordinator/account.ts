import type { CoordinatorMetrics } from './metrics.js';

/** What happened in a run beside training, for its last lines. Of this start of the coordinator. */
export interface RunAccount {
  /** Names of all workers that took part, in the order in which they came. */
  workers: string[];
  /** What did not go by the plan, each in words: `3 blocks were sent again (death 2, slow 1)`. Empty for a quiet run. */
  oddities: string[];
}

interface Counted {
  get(): Promise<{ values: { value: number; labels: Partial<Record<string, string | number>> }[] }>;
}

/** What is counted, and the words for it; `by`: the label that says more. */
const odd: readonly {
  read: (metrics: CoordinatorMetrics) => Counted;
  by?: string;
  one: string;
  many: string;
}[] = [
  {
    read: (m) => m.departures,
    by: 'cause',
    one: 'worker left before the end',
    many: 'workers left before the end',
  },
  { read: (m) => m.redispatches, by: 'cause', one: 'block was sent again', many: 'blocks were sent again' },
  { read: (m) => m.rejects, by: 'reason', one: 'result was not accepted', many: 'results were not accepted' },
  { read: (m) => m.alarms, one: 'result differed from its twin', many: 'results differed from their twins' },
  { read: (m) => m.auditMismatches, one: 'audit found different bits', many: 'audits found different bits' },
  { read: (m) => m.expelled, one: 'worker was expelled', many: 'workers were expelled' },
  {
    read: (m) => m.checkpointFailures,
    by: 'file',
    one: 'file could not be written',
    many: 'files could not be written',
  },
];

/** @param reconnects times that the link to the broker was up again */
export async function accountOf(
  metrics: CoordinatorMetrics,
  workers: ReadonlySet<string>,
  reconnects: number,
): Promise<RunAccount> {
  const lines = await Promise.all(
    odd.map(async ({ read, by, one, many }) => {
      const { values } = await read(metrics).get();
      const some = values.filter(({ value }) => value > 0);
      const total = some.reduce((sum, { value }) => sum + value, 0);
      if (total === 0) return null;
      const detail =
        by === undefined ? '' : ` (${some.map(({ labels, value }) => `${labels[by]} ${value}`).join(', ')})`;
      return `${total} ${total === 1 ? one : many}${detail}`;
    }),
  );
  const back =
    reconnects === 0 ? null : `the broker was away ${reconnects === 1 ? 'once' : `${reconnects} times`}`;
  return { workers: [...workers], oddities: [...lines, back].filter((line) => line !== null) };
}
