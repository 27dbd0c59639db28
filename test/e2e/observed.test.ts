import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistry, type Registry } from '../../src/metrics/index.js';
import { createEmbeddedTransport } from '../../src/transport/index.js';
import { testProgram } from '../support/program.js';
import { checkMetrics } from '../support/promtool.js';
import { overlaps, readTrace, type TraceEvent } from '../support/read-trace.js';
import { openWorkshop, smallSpec, type Workshop } from '../support/small-run.js';

/** One real run, watched in every way: the pages of the coordinator and of its workers, and the trace. */
let workshop: Workshop;
let events: TraceEvent[] = [];
const registry = createRegistry();
const workers = ['w1', 'w2'].map((worker) => ({ worker, registry: createRegistry() }));
const threads = 2;
const machine = { host: 'a-host', pid: 1, rssBytes: () => 5e7 };
const [epochs, steps, validated] = [4, 20, 105];

beforeAll(async () => {
  await testProgram('promtool');
  workshop = await openWorkshop(smallSpec({ epochs }));
  const transport = createEmbeddedTransport();
  const tracePath = join(workshop.path, 'trace.json');
  const coordinator = await workshop.coordinator({
    transport,
    out: 'run',
    minWorkers: 2,
    metrics: registry,
    tracePath,
    heartbeatMs: 200,
  });
  const running = await Promise.all(
    workers.map((own) =>
      workshop.worker({ transport, threads, worker: own.worker, metrics: own.registry, machine }),
    ),
  );
  await coordinator.finished;
  await Promise.all(running.map((worker) => worker.drain('done')));
  await transport.close();
  events = readTrace(await readFile(tracePath, 'utf8'));
}, 120_000);
afterAll(() => workshop?.dispose());

/** The values of all series of a metric. */
async function values(from: Registry, name: string, labels: Record<string, string> = {}): Promise<number[]> {
  const metric = await from.getSingleMetric(name)?.get();
  const fits = (found: Partial<Record<string, string | number>>): boolean =>
    Object.entries(labels).every(([label, value]) => found[label] === value);
  return (metric?.values ?? []).filter((one) => fits(one.labels)).map(({ value }) => value);
}
async function sum(from: Registry, name: string, labels: Record<string, string> = {}): Promise<number> {
  return (await values(from, name, labels)).reduce((total, value) => total + value, 0);
}
/** Of a histogram: the sum of what was observed, and how often. */
async function totals(from: Registry, name: string): Promise<{ seconds: number; count: number }> {
  const page = await from.metrics();
  const total = (suffix: string): number =>
    [...page.matchAll(new RegExp(`^${name}_${suffix}{[^}]*} (\\S+)$`, 'gm'))].reduce(
      (t, m) => t + Number(m[1]),
      0,
    );
  return { seconds: total('sum'), count: total('count') };
}

describe('the pages', () => {
  it('are as Prometheus’ own checker wants them', async () => {
    expect(await checkMetrics('# HELP x Much.\n# TYPE x counter\nx 1\n')).toContain('_total');
    expect(await checkMetrics(await registry.metrics())).toBe('');
    for (const own of workers) expect(await checkMetrics(await own.registry.metrics())).toBe('');
  });

  it('agree with the run, and with one another', async () => {
    const images = epochs * (700 - validated);
    expect(await sum(registry, 'onko_steps_total')).toBe(steps);
    expect(await sum(registry, 'onko_images_total', { mode: 'train' })).toBe(images);
    expect(await sum(registry, 'onko_images_total', { mode: 'evaluate' })).toBe(epochs * validated);
    expect(await sum(registry, 'onko_worker_images_total')).toBe(images + epochs * validated);
    for (const { worker, registry: own } of workers) {
      const accepted = await sum(registry, 'onko_worker_images_total', { worker });
      expect(accepted).toBeGreaterThan(0);
      expect(await sum(own, 'onko_computed_images_total')).toBe(accepted);
      const blocks = await sum(registry, 'onko_worker_blocks_total', { worker });
      expect(await sum(own, 'onko_blocks_total', { outcome: 'published' })).toBe(blocks);
      expect(await sum(registry, 'onko_worker_threads', { worker })).toBe(threads);
      expect(await sum(registry, 'onko_worker_resident_memory_bytes', { worker })).toBe(machine.rssBytes());
      // Whole blocks that were computed for this run, up to the last heartbeat.
      const busy = await sum(registry, 'onko_worker_busy_seconds_total', { worker });
      expect(busy).toBeGreaterThan(0);
      expect(busy).toBeLessThanOrEqual((await sum(own, 'onko_compute_busy_seconds_total')) + 1e-6);
      expect(await sum(own, 'onko_data_cache_misses_total')).toBeGreaterThan(0);
    }
  });

  it('have every metric of a run without trouble: none is only a name', async () => {
    for (const metric of registry.getMetricsAsArray()) {
      const { name } = metric;
      if (!name.startsWith('onko_')) continue;
      expect([name, (await values(registry, name)).length]).not.toEqual([name, 0]);
    }
    expect(await values(registry, 'onko_run_phase', { phase: 'finished' })).toEqual([1]);
    expect(await values(registry, 'onko_loss', { split: 'validation' })).toHaveLength(1);
    expect(await sum(registry, 'onko_checkpoint_size_bytes')).toBeGreaterThan(1_000);
    expect((await totals(registry, 'onko_checkpoint_seconds')).count).toBe(
      await sum(registry, 'onko_checkpoints_total'),
    );
    expect(await sum(registry, 'onko_worker_joins_total')).toBe(2);
  });

  it('have phases that add up to the steps', async () => {
    const whole = await totals(registry, 'onko_step_seconds');
    const parts = await totals(registry, 'onko_step_phase_seconds');
    expect(whole.count).toBe(steps);
    expect(parts.count).toBe(5 * steps);
    expect(parts.seconds / whole.seconds).toBeCloseTo(1, 6);
  });
});

const spansOf = (pid: number): TraceEvent[] => events.filter((one) => one.ph === 'X' && one.pid === pid);
const stepsOf = (): TraceEvent[] => spansOf(1).filter(({ name }) => name.startsWith('step '));
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const phases = ['update', 'compute', 'sum', 'broadcast', 'queue'];

describe('the trace', () => {
  it('can be drawn: a process for the coordinator and each worker, a track for each thread', () => {
    expect(overlaps(events)).toEqual([]);
    const named = (kind: string) => events.filter(({ ph, name }) => ph === 'M' && name === kind);
    const processes = named('process_name').map(({ pid, args }) => [pid, args?.['name']]);
    expect(processes).toHaveLength(3);
    expect(processes.map(([, name]) => name)).toEqual(expect.arrayContaining(['worker w1', 'worker w2']));
    for (const pid of [2, 3]) {
      const names = new Set(spansOf(pid).map(({ name }) => name));
      for (const name of ['fetching', 'computing', 'publishing']) expect(names).toContain(name);
      const tracks = named('thread_name').filter((one) => one.pid === pid);
      expect(new Set(spansOf(pid).map(({ tid }) => tid))).toEqual(new Set(tracks.map(({ tid }) => tid)));
      // Blocks that both threads shared, and those of one.
      const shared = tracks.find(({ args }) => args?.['name'] === 'thread 1 and 1 more, on one block');
      expect(tracks.length).toBeLessThanOrEqual(threads + 1);
      const computing = spansOf(pid).filter(({ name }) => name === 'computing');
      expect(computing.some(({ tid }) => tid === shared?.tid)).toBe(true);
      for (const { tid, args } of computing)
        expect([args?.['mode'], args?.['threads']]).toEqual(
          tid === shared?.tid ? ['train', threads] : [expect.any(String), undefined],
        );
    }
  });

  it('shows every step, and its phases add up to it within 5 %', () => {
    const found = stepsOf();
    expect(found.map(({ args }) => args?.['step'])).toEqual(Array.from({ length: steps }, (_, i) => i));
    const parts = spansOf(1).filter(({ name }) => phases.includes(name));
    const inStep = (step: TraceEvent): number =>
      parts
        .filter(({ ts, dur }) => ts >= step.ts - 0.001 && ts + dur <= step.ts + step.dur + 0.001)
        .reduce((total, { dur }) => total + dur, 0);
    for (const step of found) expect(Math.abs(inStep(step) / step.dur - 1)).toBeLessThan(0.05);
    // And to the time from one step to the next, which nobody measured for this purpose.
    const paces = found.slice(1).flatMap((next, i) => {
      const step = found[i];
      const isValidated = spansOf(1).some(
        ({ name, ts }) => name.startsWith('validation') && ts > (step?.ts ?? 0) && ts < next.ts,
      );
      return step === undefined || isValidated ? [] : [inStep(step) / (next.ts - step.ts)];
    });
    expect(paces.length).toBeGreaterThan(steps / 2);
    expect(Math.abs(median(paces) - 1)).toBeLessThan(0.05);
  });

  it('shows each block within its step, and each image that was computed', () => {
    const blocks = [2, 3].flatMap((pid) => spansOf(pid).filter(({ name }) => name === 'computing'));
    for (const step of stepsOf()) {
      const own = blocks.filter(
        ({ args }) => args?.['step'] === step.args?.['step'] && args?.['mode'] === 'train',
      );
      expect(own.length).toBeGreaterThan(0);
      for (const { ts, dur } of own) {
        expect(ts).toBeGreaterThanOrEqual(step.ts - 0.001);
        expect(ts + dur).toBeLessThanOrEqual(step.ts + step.dur + 0.001);
      }
    }
  });
});
