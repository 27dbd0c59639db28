import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { UnitKey } from '../../src/coordinator/index.js';
import { realTimers, type Timers } from '../../src/transport/index.js';
import { overlaps, readTrace } from '../support/read-trace.js';
import { folder, startCluster } from './run-stage.js';

/** Of everybody: each look is a moment after the one before. A power of two, so that no sum is rounded. */
const momentMs = 1 / 64;
function openClock(): () => number {
  let ms = 0;
  return () => (ms += momentMs);
}

/** What waits for the event loop to come around is never called, until `letGo`: it is done when somebody cannot do without. */
function openTimers(): { timers: Timers; letGo: () => void } {
  let isHeld = true;
  return {
    timers: {
      after: (ms, run) => (ms === 0 && isHeld ? () => undefined : realTimers.after(ms, run)),
    },
    letGo: () => {
      isHeld = false;
    },
  };
}

const keyOf = ({ mode, step, pass, node }: UnitKey): string => `${mode} ${step}/${pass}/${node}`;

it('accounts for every block before its step or validation is closed, however late that is', async () => {
  const now = openClock();
  const { timers, letGo } = openTimers();
  const computed: string[] = [];
  const tracePath = join(folder, 'trace.json');
  const { coordinator } = await startCluster(
    [
      {
        // Once closed, a front knows no more when its blocks were sent, and what they took is not part of it.
        spoil: (result) => {
          computed.push(keyOf(result));
          result.takenAtMs = now();
          result.computeMs = momentMs;
          result.sentAtMs = now();
        },
      },
    ],
    { now, timers, tracePath, heartbeatMs: 60_000 },
    ({ phase }) => {
      if (phase === 'finished') letGo();
    },
  );
  const { epochs, steps } = await coordinator.finished;
  const events = readTrace(await readFile(tracePath, 'utf8'));
  const drawn = events.flatMap(({ name, args }) => {
    if (name !== 'computing') return [];
    const { mode, step, pass, node } = args ?? {};
    return [`${String(mode)} ${String(step)}/${String(pass)}/${String(node)}`];
  });
  expect(drawn).toEqual(computed);
  const fronts = events.filter(({ name }) => /^(step|validation)/.test(name));
  expect(fronts.filter(({ args }) => args?.['mode'] === 'train')).toHaveLength(steps);
  expect(fronts.filter(({ args }) => args?.['mode'] === 'evaluate')).toHaveLength(epochs);
  const phases = events.filter(({ name, pid }) => name === 'compute' && pid === 1);
  for (const { name, ts, dur } of fronts) {
    const within = phases.filter((phase) => phase.ts >= ts && phase.ts + phase.dur <= ts + dur);
    expect([name, within.length]).not.toEqual([name, 0]);
  }
  expect(overlaps(events)).toEqual([]);
});
