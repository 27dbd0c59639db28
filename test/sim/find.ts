import type { Mutant } from './mutant.js';
import { type Outcome, simulate } from './simulate.js';

/** The first of the seeds from 1 on that shows the bug; null if none does. */
export async function find(mutant: Mutant): Promise<Outcome | null> {
  for (let seed = 1; seed <= mutant.withinSeeds; seed++) {
    const outcome = await simulate(seed, mutant);
    if (outcome.violation !== null) return outcome;
  }
  return null;
}
