import { randomInt } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { chance } from './chance.js';
import { fuzz } from './target.js';
import { allTargets } from './targets.js';

vi.setConfig({ testTimeout: 240_000 });

/** Set ONKO_TEST_SEED to the seed of a failure to see it again. `npm run fuzz` plays as many as are wanted. */
const seed = Number(process.env['ONKO_TEST_SEED'] ?? randomInt(2 ** 31));
const inputs: Record<string, number> = {
  messages: 15_000,
  gradients: 5_000,
  models: 3_000,
  specs: 3_000,
  labels: 3_000,
  images: 1_000,
};

test(`whatever comes is read or refused as promised (seed ${seed})`, async () => {
  const before = process.resourceUsage().maxRSS;
  for (const target of await allTargets()) {
    const figures = await fuzz(target, { seed, from: 0, inputs: inputs[target.name] ?? 0, chance });
    // Neither a reader that takes everything nor inputs that are all nonsense.
    expect(figures.accepted, target.name).toBeGreaterThan(figures.inputs / 100);
    expect(figures.refused, target.name).toBeGreaterThan(figures.inputs / 10);
  }
  // KiB. The largest picture that is let in takes 48 MiB decoded, and some of it twice.
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(400 * 1024);
});
