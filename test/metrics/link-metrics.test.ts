import { beforeEach, expect, it } from 'vitest';
import { createLinkMetrics, type LinkMetrics, Registry } from '../../src/metrics/index.js';

let nowMs = 0;
let registry: Registry;
let link: LinkMetrics;
beforeEach(() => {
  nowMs = 1_000;
  registry = new Registry();
  link = createLinkMetrics(registry, () => nowMs);
});

async function value(name: string): Promise<number> {
  const line = (await registry.metrics()).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? Number.NaN);
}

it('counts the time that a broker takes nothing, while it lasts', async () => {
  const blocked = (): Promise<number> => value('onko_broker_blocked_seconds_total');
  expect(await blocked()).toBe(0);
  link.state('blocked');
  nowMs += 2_000;
  expect(await blocked()).toBe(2);
  link.state('blocked');
  nowMs += 500;
  link.state('unblocked');
  nowMs += 9_000;
  expect(await blocked()).toBe(2.5);
  expect(await value('onko_link_up')).toBe(1);
});

it('counts the broker as blocked from before it is up again, and not while it is away', async () => {
  link.state('blocked');
  nowMs += 1_000;
  link.state('down');
  nowMs += 60_000;
  link.state('blocked');
  nowMs += 1_000;
  link.state('up');
  nowMs += 1_000;
  expect(await value('onko_broker_blocked_seconds_total')).toBe(3);
});

it('counts each time that the connection came back', async () => {
  for (const type of ['down', 'blocked', 'up', 'up', 'down', 'up', 'run_gone'] as const) link.state(type);
  expect([await value('onko_reconnects_total'), link.reconnects()]).toEqual([2, 2]);
  expect(await value('onko_link_up')).toBe(1);
  link.state('down');
  expect(await value('onko_link_up')).toBe(0);
  link.state('unblocked');
  expect(await value('onko_link_up')).toBe(0);
});

it('adds up bytes by direction and type, and what came twice or could not be read', async () => {
  link.traffic({ direction: 'in', type: 'result', sizeBytes: 100 });
  link.traffic({ direction: 'in', type: 'result', sizeBytes: 20 });
  link.traffic({ direction: 'out', type: 'weights', sizeBytes: 7 });
  link.delivered({ redelivered: true });
  link.delivered({ redelivered: false });
  link.malformed();
  const page = await registry.metrics();
  expect(page).toContain('onko_bytes_total{direction="in",type="result"} 120');
  expect(page).toContain('onko_bytes_total{direction="out",type="weights"} 7');
  expect(await value('onko_redeliveries_total')).toBe(1);
  expect(await value('onko_malformed_messages_total')).toBe(1);
});
