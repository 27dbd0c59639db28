import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Gauges of prom-client whose names end like those of counters, which Prometheus' own linter rightly dislikes. */
const misnamed = ['handles', 'requests', 'resources'].map((what) => `nodejs_active_${what}_total`);

/** A registry of its own (never prom-client's global one), with the process's default metrics: CPU, memory, event loop, GC. */
export function createRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  return registry;
}

/** Metrics of one registry, in a line each: a name, a sentence, and the names of the labels. */
export interface Maker {
  counter: <T extends string = never>(
    name: string,
    help: string,
    labelNames?: readonly T[],
    /** Called before each scrape. */
    collect?: () => void,
  ) => Counter<T>;
  gauge: <T extends string = never>(name: string, help: string, labelNames?: readonly T[]) => Gauge<T>;
  /** A gauge without labels that is not there until it is set: no value is better than a wrong zero. */
  lateGauge: (name: string, help: string) => Gauge;
  histogram: <T extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames?: readonly T[],
  ) => Histogram<T>;
  /** Always 1; what it has to say stands in its labels. */
  info: (name: string, help: string, labels: Readonly<Record<string, string>>) => void;
}

export function metricsIn(registry: Registry): Maker {
  const registers = [registry];
  return {
    counter: (name, help, labelNames = [], collect) =>
      new Counter({ name, help, labelNames, registers, ...(collect === undefined ? {} : { collect }) }),
    gauge: (name, help, labelNames = []) => new Gauge({ name, help, labelNames, registers }),
    lateGauge(name, help) {
      const gauge = new Gauge({ name, help, registers });
      gauge.remove();
      return gauge;
    },
    histogram: (name, help, buckets, labelNames = []) =>
      new Histogram({ name, help, buckets: [...buckets], labelNames, registers }),
    info(name, help, labels) {
      new Gauge({ name, help, labelNames: Object.keys(labels), registers }).set({ ...labels }, 1);
    },
  };
}
