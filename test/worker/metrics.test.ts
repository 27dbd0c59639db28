import { beforeEach, expect, it } from 'vitest';
import { Registry } from '../../src/metrics/index.js';
import { createWorkerMetrics, type WorkerMetrics } from '../../src/worker/metrics.js';

const facts = { worker: 'w1', version: '1.0.0', threads: 2, kernels: 'reference', numericsId: 'reference-1' };
let nowMs = 0;
let registry: Registry;
let metrics: WorkerMetrics;
beforeEach(() => {
  nowMs = 0;
  registry = new Registry();
  metrics = createWorkerMetrics(registry, facts, () => nowMs);
});

const lines = async (): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));

it('are named, explained and there from the start, with the name of the worker', async () => {
  for (const { name, help } of registry.getMetricsAsArray()) {
    expect(name).toMatch(/^onko_[a-z0-9_]+$/);
    expect(help).toMatch(/^[A-Z01].{10,}\.$/);
  }
  for (const line of await lines()) expect(line).toContain('worker="w1"');
  expect(await lines()).toContain('onko_blocks_total{outcome="failed",worker="w1"} 0');
  expect(await lines()).toContain(
    'onko_kernels_info{backend="reference",numerics_id="reference-1",worker="w1"} 1',
  );
});

it('count the time of threads while they compute', async () => {
  const [first, second] = [metrics.computing(1), metrics.computing(1)];
  nowMs = 1_000;
  expect(metrics.counts().busyMs).toBe(2_000);
  expect(await lines()).toContain('onko_compute_busy_seconds_total{worker="w1"} 2');
  first();
  first();
  nowMs = 1_500;
  second();
  nowMs = 9_000;
  expect(metrics.counts().busyMs).toBe(2_500);
  expect(await lines()).toContain('onko_compute_busy_seconds_total{worker="w1"} 2.5');
});

it('count the time of every thread that shares a block', async () => {
  const before = metrics.counts().busyMs;
  const done = metrics.computing(4);
  nowMs += 250;
  expect(metrics.counts().busyMs - before).toBe(1_000);
  nowMs += 250;
  done();
  expect(metrics.counts().busyMs - before).toBe(2_000);
});

it('tell the heartbeat the same as the page', async () => {
  metrics.taskCame(3, 2);
  metrics.taskCame(3, 0);
  metrics.link.state('down');
  metrics.link.state('up');
  expect(metrics.counts()).toEqual({ busyMs: 0, cacheHits: 4, cacheMisses: 2, reconnects: 1 });
  const page = await lines();
  expect(page).toContain('onko_data_cache_hits_total{worker="w1"} 4');
  expect(page).toContain('onko_data_cache_misses_total{worker="w1"} 2');
  expect(page).toContain('onko_reconnects_total{worker="w1"} 1');
});

it('say what became of blocks, and where their time went', async () => {
  metrics.published('train', 64, { fetching: 0, waiting: 20, computing: 300, publishing: 5 });
  metrics.finished('abandoned');
  metrics.inHand(3);
  metrics.joined(true);
  metrics.runsEnded(1);
  metrics.runsEnded(1);
  const page = await lines();
  expect(page).toContain('onko_computed_images_total{mode="train",worker="w1"} 64');
  expect(page).toContain('onko_blocks_total{outcome="published",worker="w1"} 1');
  expect(page).toContain('onko_blocks_total{outcome="abandoned",worker="w1"} 1');
  expect(page).toContain('onko_block_phase_seconds_sum{worker="w1",phase="computing"} 0.3');
  expect(page).toContain('onko_blocks_in_hand{worker="w1"} 3');
  expect(page).toContain('onko_joined{worker="w1"} 1');
  expect(page).toContain('onko_runs_total{worker="w1"} 1');
});
