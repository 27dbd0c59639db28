import type { UnitKey } from './actions.js';
import { isAsynchronous, newestVersion } from './staleness.js';
import type { CoordinatorState, Front, Unit } from './state.js';

/** Names a front: no two that are open have both in common. */
export type FrontKey = Pick<Front, 'mode' | 'step'>;

/** Picks blocks out of those that all open fronts have. */
export type UnitChoice = (unit: Unit, front: Front) => boolean;

export const isSameFront = (a: FrontKey, b: FrontKey): boolean => a.mode === b.mode && a.step === b.step;

export function keyOf(front: FrontKey, unit: { pass: number; node: number }): UnitKey {
  return { mode: front.mode, step: front.step, pass: unit.pass, node: unit.node };
}

/** The open front of this name. */
export function frontOf(state: CoordinatorState, key: FrontKey): Front | undefined {
  return state.fronts.find((front) => isSameFront(front, key));
}

/** Puts it in the place of the open front of its name, or among the others in the order of steps; in asynchronous training, last. */
export function putFront(state: CoordinatorState, front: Front): CoordinatorState {
  const others = state.fronts.filter((other) => !isSameFront(other, front));
  const fronts = [...others, front];
  if (state.plan.staleness === null) fronts.sort((a, b) => a.step - b.step);
  return { ...state, fronts };
}

/** The one block of this name. */
export function isUnit(key: UnitKey): UnitChoice {
  return (unit, front) => isSameFront(front, key) && unit.pass === key.pass && unit.node === key.node;
}

export function changeUnits(
  state: CoordinatorState,
  change: (unit: Unit, front: Front) => Unit,
): CoordinatorState {
  const fronts = state.fronts.map((front) => ({
    ...front,
    units: front.units.map((unit) => change(unit, front)),
  }));
  return { ...state, fronts };
}

/** With the fronts that they are of, oldest first. */
export function unitsWhere(state: CoordinatorState, which: UnitChoice): { front: Front; unit: Unit }[] {
  return state.fronts.flatMap((front) =>
    front.units.filter((unit) => which(unit, front)).map((unit) => ({ front, unit })),
  );
}

export const isWhole = (front: Front): boolean =>
  front.openedPasses === front.passes && front.units.every((unit) => unit.accepted !== null);

/** Of the weights that the open fronts work with, oldest first, each once; in asynchronous training those are the newest. */
export function versionsInUse(state: CoordinatorState): number[] {
  return [
    ...new Set(
      state.fronts.map(({ mode, weightsVersion: own }) =>
        isAsynchronous(state.plan, mode) ? newestVersion(state) : own,
      ),
    ),
  ];
}
