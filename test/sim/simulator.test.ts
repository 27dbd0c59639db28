import { describe, expect, it } from 'vitest';
import { find } from './find.js';
import { mutants } from './mutants.js';
import { simulate } from './simulate.js';

/** Seeds of the true rules that every test run plays; `npm run sim` plays as many as are wanted. */
const seeds = 100;

describe('the simulator', () => {
  it(`finds nothing in ${seeds} schedules of faults`, async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { violation } = await simulate(seed);
      expect(violation, `replay it with: npm run sim -- --seed ${seed}`).toBeNull();
    }
  });

  it('plays a seed again event by event', async () => {
    for (const seed of [3, 8]) {
      const first = await simulate(seed, undefined, true);
      expect(first.timeline.length).toBeGreaterThan(50);
      expect(await simulate(seed, undefined, true)).toEqual(first);
    }
  });

  it.each(mutants)('finds the planted bug: $name', async (mutant) => {
    const found = await find(mutant);
    expect(found, `none of ${mutant.withinSeeds} seeds shows it`).not.toBeNull();
    expect(mutant.caughtBy).toContain(found?.violation?.invariant);
    const again = await simulate(found?.seed ?? 0, mutant);
    expect(again.violation).toEqual(found?.violation);
  });
});
