import { expect, test } from 'vitest';
import { createRegistry } from '../../src/metrics/index.js';

test('process metrics are there, and only counters are named like counters', async () => {
  const metrics = await createRegistry().getMetricsAsJSON();
  expect(metrics.map(({ name }) => name)).toContain('process_resident_memory_bytes');
  for (const { name, type } of metrics) {
    expect(`${name} ${String(type)}`).toMatch(/_total counter$|^(?!.*_total ).*$/);
  }
});
