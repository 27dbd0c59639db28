import { beforeEach, describe, expect, it } from 'vitest';
import {
  createWorkerSeries,
  keptMs,
  mostListed,
  type WorkerSeries,
} from '../../src/coordinator/worker-series.js';
import { Registry } from '../../src/metrics/index.js';
import { Driver } from './support.js';

const epochMs = 1_700_000_000_000;
let d: Driver;
let registry: Registry;
let series: WorkerSeries;
beforeEach(() => {
  d = new Driver();
  d.post({ type: 'started' });
  registry = new Registry();
  series = createWorkerSeries(
    registry,
    () => d.nowMs,
    () => epochMs + d.nowMs,
  );
});

const observe = (): void => series.observe(d.state);
/** `onko_worker_threads{worker="w1"} 2` → `threads{w1} 2`, of one worker. */
async function page(worker: string): Promise<string[]> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line.includes(`worker="${worker}"`));
  return lines.map((line) =>
    line
      .replace(/^onko_worker_/, '')
      .replace(/worker="[^"]*",?/, '')
      .replace('{}', ''),
  );
}
async function value(worker: string, name: string): Promise<number> {
  const line = (await page(worker)).find((one) => one.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? Number.NaN);
}

describe('the series of single workers', () => {
  it('say what heartbeats and results said, in base units', async () => {
    d.join('w1', 2);
    series.accepted('w1', 64, 40);
    d.nowMs = 1_000;
    d.beat('w1', [4, 5], { eventLoopLagMs: 3, rssBytes: 5e7, busyMs: 900, cacheHits: 7, cacheMisses: 2 });
    d.nowMs = 2_000;
    d.beat('w1', [4], {
      images: 500,
      eventLoopLagMs: 6,
      rssBytes: 6e7,
      busyMs: 2_500,
      cacheHits: 9,
      cacheMisses: 2,
    });
    d.nowMs = 2_250;
    series.accepted('w1', 64, 60);
    observe();
    expect(await page('w1')).toEqual([
      'info{host="h",backend="reference"} 1',
      'threads 2',
      'images_total 128',
      'blocks_total 2',
      'images_per_second 500',
      `last_seen_timestamp_seconds ${epochMs / 1000 + 2}`,
      'event_loop_lag_seconds 0.006',
      'block_p95_seconds 0.06',
      'resident_memory_bytes 60000000',
      'blocks_in_hand 1',
      'busy_seconds_total 2.5',
      'data_cache_hits_total 9',
      'data_cache_misses_total 2',
      'reconnects_total 0',
    ]);
  });

  it('count only what was done for this coordinator, also when the worker starts anew', async () => {
    d.join('w1');
    observe();
    d.nowMs = 1_000;
    d.beat('w1', [], { busyMs: 1e9, cacheHits: 1e6, reconnects: 3 });
    observe();
    expect([await value('w1', 'busy_seconds_total'), await value('w1', 'reconnects_total')]).toEqual([0, 0]);
    d.nowMs = 2_000;
    d.beat('w1', [], { busyMs: 1e9 + 700, cacheHits: 1e6 + 4, reconnects: 4 });
    observe();
    observe();
    expect(await value('w1', 'busy_seconds_total')).toBe(0.7);
    expect(await value('w1', 'reconnects_total')).toBe(1);
    d.nowMs = 3_000;
    d.beat('w1', [], { busyMs: 300, cacheHits: 1 });
    observe();
    expect(await value('w1', 'busy_seconds_total')).toBe(1);
    expect(await value('w1', 'data_cache_hits_total')).toBe(5);
  });

  it('come to rest when it leaves, and are gone five minutes later', async () => {
    d.join('w1', 2);
    d.join('w2');
    d.beat('w1', [4]);
    series.accepted('w1', 64, 40);
    observe();
    d.post({ type: 'message', message: { type: 'goodbye', run: 'run-1', worker: 'w1', reason: 'drained' } });
    observe();
    expect([await value('w1', 'threads'), await value('w1', 'blocks_in_hand')]).toEqual([0, 0]);
    expect(await value('w1', 'images_total')).toBe(64);
    d.nowMs += keptMs - 1;
    observe();
    expect(await value('w1', 'images_total')).toBe(64);
    d.nowMs += 1;
    observe();
    expect(await page('w1')).toEqual([]);
    expect(await value('w2', 'threads')).toBe(1);
  });

  it('go on when it comes back in time', async () => {
    d.join('w1', 2);
    series.accepted('w1', 64, 40);
    observe();
    d.post({ type: 'message', message: { type: 'goodbye', run: 'run-1', worker: 'w1', reason: 'restart' } });
    observe();
    d.nowMs += keptMs - 1;
    d.join('w1', 4);
    observe();
    d.nowMs += keptMs;
    series.accepted('w1', 64, 40);
    observe();
    expect([await value('w1', 'threads'), await value('w1', 'images_total')]).toEqual([4, 128]);
  });

  it('are few: those who left make room, and whoever finds none is counted', async () => {
    for (let i = 0; i < mostListed; i++) d.join(`w${i}`);
    d.join('late');
    observe();
    expect(await page('late')).toEqual([]);
    expect(await registry.metrics()).toContain('onko_workers_unlisted 1');
    series.accepted('late', 64, 40);
    expect(await page('late')).toEqual([]);
    d.post({ type: 'message', message: { type: 'goodbye', run: 'run-1', worker: 'w7', reason: 'drained' } });
    observe();
    observe();
    expect(await value('late', 'threads')).toBe(1);
    expect(await page('w7')).toEqual([]);
    expect(await registry.metrics()).toContain('onko_workers_unlisted 0');
  });
});
