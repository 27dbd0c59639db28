import type { Registry } from '../../metrics/index.js';
import type { PhasesSection } from '../../page/index.js';

/** In the order in which they begin, and what each of them is; together they are the step. */
const phases = [
  ['broadcast', 'parameters go out'],
  ['queue', 'everything travels or waits'],
  ['compute', 'some worker computes'],
  ['sum', 'gradients are added'],
  ['update', 'the optimizer'],
] as const;

/** Mean times of the last steps, read from the run's histograms: nothing is measured twice. */
export interface PhaseMeans {
  /** Looks at the histograms; the means are those between two looks with steps in between. */
  look(): Promise<void>;
  latest(): PhasesSection | null;
}

interface Total {
  seconds: number;
  count: number;
}

export function createPhaseMeans(registry: Registry): PhaseMeans {
  let before = new Map<string, Total>();
  let latest: PhasesSection | null = null;
  return {
    latest: () => latest,
    async look() {
      const now = new Map([
        ...(await totals(registry, 'onko_step_seconds')),
        ...(await totals(registry, 'onko_step_phase_seconds')),
      ]);
      const mean = (key: string): number | null => {
        const [to, from] = [now.get(key), before.get(key)];
        const count = (to?.count ?? 0) - (from?.count ?? 0);
        return count > 0 ? (((to?.seconds ?? 0) - (from?.seconds ?? 0)) * 1000) / count : null;
      };
      const stepMs = mean('');
      if (stepMs === null) return;
      latest = { stepMs, phases: phases.map(([name, what]) => ({ name, what, ms: mean(name) ?? 0 })) };
      before = now;
    },
  };
}

/** Sum and count of a histogram, by its phase; '' for one without. */
async function totals(registry: Registry, name: string): Promise<Map<string, Total>> {
  const found = new Map<string, Total>();
  const { values } = (await registry.getSingleMetric(name)?.get()) ?? { values: [] };
  for (const value of values) {
    const key = String(value.labels['phase'] ?? '');
    const total = found.get(key) ?? { seconds: 0, count: 0 };
    const part = 'metricName' in value ? String(value.metricName) : '';
    if (part.endsWith('_sum')) found.set(key, { ...total, seconds: value.value });
    else if (part.endsWith('_count')) found.set(key, { ...total, count: value.value });
  }
  return found;
}
