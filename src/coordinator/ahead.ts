/**
 * Which steps are done where they are not done in their order. Of `step` that are, those in `ahead` (ascending) are done although an earlier one
 * is not; the others are the first ones.
 */
export interface Done {
  step: number;
  ahead: readonly number[];
}

/** The first step that is not done. */
export const firstLeft = ({ step, ahead }: Done): number => step - ahead.length;

/** `ahead` once `done` is done too, after `step` others. */
export function aheadAfter(step: number, ahead: readonly number[], done: number): readonly number[] {
  const first = step - ahead.length;
  if (done !== first) return [...ahead, done].toSorted((a, b) => a - b);
  let joined = 0;
  while (ahead[joined] === first + 1 + joined) joined += 1;
  return ahead.slice(joined);
}
