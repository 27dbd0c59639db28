import { expect, it } from 'vitest';
import type { CoordinatorEvent } from '../../src/coordinator/decide/events.js';
import { createHealth } from '../../src/coordinator/health.js';
import { Driver } from './support.js';

const heartbeatMs = 1_000;

interface Stage {
  driver: Driver;
  post: (event: CoordinatorEvent) => void;
  pass: (ms: number) => string | null;
}

/** A run of one worker that goes on living, whatever else happens; and what would be said of it. */
function stage(): Stage {
  const driver = new Driver({ heartbeatMs });
  const health = createHealth(() => driver.nowMs);
  const post = (event: CoordinatorEvent): void => {
    driver.post(event);
    health.observe(driver.state);
  };
  return {
    driver,
    post,
    pass(ms) {
      const end = driver.nowMs + ms;
      while (driver.nowMs < end) {
        driver.wait(heartbeatMs);
        driver.beat('a');
        health.observe(driver.state);
      }
      return health.illness();
    },
  };
}

it('is well while it waits for workers, however long', () => {
  const { driver, post } = stage();
  post({ type: 'started' });
  const health = createHealth(() => driver.nowMs);
  driver.wait(3_600_000);
  health.observe(driver.state);
  expect(health.illness()).toBeNull();
});

it('is ill when the broker stays away, or takes nothing, and well again when it is back', () => {
  const { driver, post, pass } = stage();
  post({ type: 'started' });
  driver.hello('a');
  driver.ready('a');
  expect(pass(10_000)).toBeNull();
  post({ type: 'link_down', reason: 'the socket closed' });
  expect(pass(30_000)).toBeNull();
  expect(pass(60_000)).toBe('The broker is away since 90 s (the socket closed).');
  post({ type: 'link_up' });
  expect(pass(1_000)).toBeNull();
  post({ type: 'link_blocked', reason: 'low on memory' });
  expect(pass(61_000)).toMatch(/^The broker takes no messages since 61 s \(low on memory\)\.$/);
  post({ type: 'link_unblocked' });
  expect(pass(1_000)).toBeNull();
});

it('is ill when nothing comes back although workers are there', () => {
  const { driver, post, pass } = stage();
  post({ type: 'started' });
  driver.hello('a');
  driver.ready('a');
  expect(pass(240_000)).toBeNull();
  expect(pass(120_000)).toMatch(
    /^Nothing was accepted for 6 min although workers are there: step 0 waits for \d of \d blocks\.$/,
  );
});
