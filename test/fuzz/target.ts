import type { Below } from './chance.js';

/** Something that takes bytes from strangers. */
export interface Target {
  name: string;
  /** An input of the seed's, and what has to become of it if that is certain. */
  draw(below: Below): { bytes: Uint8Array; must?: 'be accepted' | 'be refused' };
  /** true if it was read, false if it was refused as promised; throws whatever else comes out. */
  takes(bytes: Uint8Array): boolean | Promise<boolean>;
  close?: () => Promise<void>;
}

export interface FuzzFigures {
  target: string;
  inputs: number;
  accepted: number;
  refused: number;
  seconds: number;
  slowestMs: number;
}

/** What broke the promise, and how to see it again. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
}

const shownBytes = 400;

/** Throws FuzzFailure at the first input that is neither read nor refused as promised. */
export async function fuzz(
  target: Target,
  o: { seed: number; from: number; inputs: number; chance: (seed: number, input: number) => Below },
): Promise<FuzzFigures> {
  const figures = {
    target: target.name,
    inputs: o.inputs,
    accepted: 0,
    refused: 0,
    seconds: 0,
    slowestMs: 0,
  };
  const startMs = performance.now();
  let beforeMs = startMs;
  for (let input = o.from; input < o.from + o.inputs; input++) {
    const { bytes, must } = target.draw(o.chance(o.seed, input));
    let taken: boolean;
    try {
      const answer = target.takes(bytes);
      taken = typeof answer === 'boolean' ? answer : await answer;
    } catch (error) {
      throw new FuzzFailure(describe(target.name, o.seed, input, bytes), { cause: error });
    }
    if (must !== undefined && taken !== (must === 'be accepted'))
      throw new FuzzFailure(`${describe(target.name, o.seed, input, bytes)} It must ${must}.`);
    if (taken) figures.accepted += 1;
    else figures.refused += 1;
    const nowMs = performance.now();
    figures.slowestMs = Math.max(figures.slowestMs, nowMs - beforeMs);
    beforeMs = nowMs;
  }
  figures.seconds = (performance.now() - startMs) / 1000;
  return figures;
}

function describe(target: string, seed: number, input: number, bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.subarray(0, shownBytes)).toString('hex');
  const rest = bytes.length > shownBytes ? `… (${bytes.length} bytes)` : '';
  return `${target}: input ${input} of seed ${seed} (npm run fuzz -- --target ${target} --seed ${seed} --only ${input}): ${hex}${rest}.`;
}

/** true if `read` returns, false if it throws one of these; any other error comes through. */
export function readsOr(
  refusals: readonly (new (...args: never[]) => Error)[],
  read: () => unknown,
): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (refusals.some((refusal) => error instanceof refusal)) return false;
    throw error;
  }
}
