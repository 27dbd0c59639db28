import { describe, expect, it } from 'vitest';
import { type Act, describeAct, drawSchedule, fullExtent } from './schedule.js';

const seeds = Array.from({ length: 500 }, (_, seed) => seed);
const all = seeds.map((seed) => drawSchedule(seed));

describe('a chaos schedule', () => {
  it('is the same for the same seed, and another one for another', () => {
    expect(seeds.map((seed) => drawSchedule(seed))).toEqual(all);
    expect(new Set(all.map(({ moments }) => JSON.stringify(moments))).size).toBe(seeds.length);
  });

  it('draws every kind of act, and freezes and cuts both shorter and longer than is noticed', () => {
    const acts = all.flatMap(({ moments }) => moments.map(({ act }) => act));
    const kinds = new Set(acts.map(({ type }) => type));
    expect([...kinds].toSorted()).toEqual(
      ['cut', 'drain', 'freeze', 'join', 'kill', 'kill_coordinator', 'restart_broker', 'slow'].toSorted(),
    );
    for (const type of ['freeze', 'cut'] as const) {
      const lengths = acts.flatMap((act) => (act.type === type ? [act.forMs] : []));
      expect(lengths.some((ms) => ms < 1_000)).toBe(true);
      expect(lengths.some((ms) => ms > 1_500 && ms < 6_000)).toBe(true);
      expect(lengths.some((ms) => ms > 20_000)).toBe(true);
    }
    for (const act of acts) expect(describeAct(act)).toMatch(/\w/);
  });

  it('does something to nobody but those who are there, and leaves somebody', () => {
    for (const { workers, moments } of all) {
      const here = new Set(workers);
      let step = 0;
      expect(moments.length).toBeGreaterThanOrEqual(fullExtent.fewest);
      for (const moment of moments) {
        expect(moment.step).toBeGreaterThanOrEqual(step);
        expect(moment.step).toBeLessThan(fullExtent.steps);
        step = moment.step;
        play(moment.act, here);
        expect(here.size).toBeLessThanOrEqual(6);
      }
      expect(here.size).toBeGreaterThan(0);
    }
  });
});

function play(act: Act, here: Set<string>): void {
  if (act.type === 'join') {
    expect(here.has(act.worker)).toBe(false);
    here.add(act.worker);
  } else if (act.type === 'kill' || act.type === 'drain') {
    expect(here.delete(act.worker)).toBe(true);
  } else if ('who' in act && act.who !== 'coordinator') {
    expect(here.has(act.who)).toBe(true);
  }
}
