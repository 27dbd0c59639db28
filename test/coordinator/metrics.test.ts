import { expect, it } from 'vitest';
import { createCoordinatorMetrics } from '../../src/coordinator/metrics.js';
import { Registry } from '../../src/metrics/index.js';
import { facts } from './run-facts.js';

it('are named, explained and there from the start, with the name of the run', async () => {
  const registry = new Registry();
  createCoordinatorMetrics(registry, facts, () => 0);
  const metrics = registry.getMetricsAsArray();
  for (const { name, help } of metrics) {
    expect(name).toMatch(/^onko_[a-z0-9_]+$/);
    expect(help).toMatch(/^[A-Z01].{10,}\.$/);
  }
  const page = await registry.metrics();
  expect(page).toContain('onko_rejects_total{reason="stale_fence",run="run-1"} 0');
  expect(page).toContain('onko_redispatches_total{cause="death",run="run-1"} 0');
  expect(page).toContain('onko_worker_departures_total{cause="expelled",run="run-1"} 0');
  expect(page).toContain('onko_step_phase_seconds_count{run="run-1",phase="queue"} 0');
  expect(page).toContain('onko_run_phase{phase="gathering",run="run-1"} 1');
  for (const line of page.split('\n')) if (/^[a-z]/.test(line)) expect(line).toContain('run="run-1"');
});

it('show nothing rather than a zero that is not true', async () => {
  const registry = new Registry();
  const metrics = createCoordinatorMetrics(registry, facts, () => 0);
  const late = ['onko_eta_seconds', 'onko_gradient_norm', 'onko_checkpoint_size_bytes', 'onko_learning_rate'];
  const lines = async (): Promise<string[]> =>
    (await registry.metrics()).split('\n').filter((line) => late.some((name) => line.startsWith(name)));
  expect(await lines()).toEqual([]);
  metrics.eta.set(12);
  expect(await lines()).toEqual(['onko_eta_seconds{run="run-1"} 12']);
});
