import type { UnitKey } from '../../src/coordinator/decide/actions.js';
import type { FrontKey } from '../../src/coordinator/decide/fronts.js';
import { leavesOf } from '../../src/protocol/index.js';

const nameOf = ({ mode, step }: FrontKey): string => `${mode}/${step}`;

/** Which microshards count already, in the fronts that are open. */
export class CountedLeaves {
  /** By front, then by pass. */
  readonly #fronts = new Map<string, Map<number, Set<number>>>();

  /** One that was open already begins anew. */
  open(front: FrontKey): void {
    this.#fronts.set(nameOf(front), new Map());
  }

  /** A block is folded. Microshards of it that had counted before. */
  count(unit: UnitKey, microshards: number): number[] {
    const passes = this.#fronts.get(nameOf(unit)) ?? new Map<number, Set<number>>();
    this.#fronts.set(nameOf(unit), passes);
    const leaves = passes.get(unit.pass) ?? new Set<number>();
    passes.set(unit.pass, leaves);
    const twice: number[] = [];
    for (const leaf of leavesUnder(unit, microshards)) {
      if (leaves.has(leaf)) twice.push(leaf);
      leaves.add(leaf);
    }
    return twice;
  }

  /** A block will be folded again. */
  forget(unit: UnitKey, microshards: number): void {
    const leaves = this.#fronts.get(nameOf(unit))?.get(unit.pass);
    for (const leaf of leavesUnder(unit, microshards)) leaves?.delete(leaf);
  }

  /** How many microshards of a step counted; it is over. */
  close(step: number): number {
    const name = nameOf({ mode: 'train', step });
    const counted = this.#fronts.get(name)?.get(0)?.size ?? 0;
    this.#fronts.delete(name);
    return counted;
  }
}

function leavesUnder({ node }: UnitKey, microshards: number): number[] {
  const { first, count } = leavesOf(node, microshards);
  return Array.from({ length: count }, (_, i) => first + i);
}
