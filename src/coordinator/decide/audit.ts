import { createRandom } from '../../engine/index.js';
import type { UnitKey } from './actions.js';
import {
  type Audit,
  type CoordinatorState,
  type RunPlan,
  readyWorkers,
  type Unit,
  type Vote,
} from './state.js';

/** Keeps the draw apart from every other one that is keyed by seed and step. */
const stream = 0x61_75_64;

/** Whether a block is computed by two workers: a draw from its name and the seed alone. */
export function isAudited(plan: RunPlan, { mode, step, pass, node }: UnitKey): boolean {
  const { auditShare, seed } = plan;
  if (auditShare <= 0) return false;
  const kind = mode === 'train' ? 0 : 1;
  return createRandom(seed, stream, kind, step, pass, node).float() < auditShare;
}

/**
 * Enters a result into the votes on a block. `unsteady`: this worker has given other bits for the same block before. What
 * is computed has one result, so whoever gives two computes wrongly, whatever the others say.
 */
export function cast(
  votes: readonly Vote[],
  worker: string,
  hash: string,
): { votes: Vote[]; unsteady: boolean } {
  const before = votes.find((vote) => vote.worker === worker);
  const others = votes.filter((vote) => vote.worker !== worker);
  if (before === undefined) return { votes: [...others, { worker, hash, repeated: false }], unsteady: false };
  if (before.hash !== hash) return { votes: others, unsteady: true };
  return { votes: [...others, { worker, hash, repeated: true }], unsteady: false };
}

export type Verdict =
  /** `hash` is right: two workers gave it. `wrong`: those who gave something else. */
  | { type: 'agreed'; hash: string; right: string[]; wrong: string[] }
  /** There is one answer, and nobody who could confirm it. */
  | { type: 'unconfirmed'; hash: string }
  | { type: 'open' };

/** Memory is no matter: only hashes are kept, and the result that decides is the one just arrived. */
export function judgeVotes(state: CoordinatorState, votes: readonly Vote[]): Verdict {
  for (const { hash } of votes) {
    const right = votes.filter((vote) => vote.hash === hash);
    if (right.length < 2) continue;
    const wrong = votes.filter((vote) => vote.hash !== hash).map(({ worker }) => worker);
    return { type: 'agreed', hash, right: right.map(({ worker }) => worker), wrong };
  }
  const [only] = votes;
  if (votes.length === 1 && only !== undefined && othersThan(state, votes).length === 0) {
    return { type: 'unconfirmed', hash: only.hash };
  }
  return { type: 'open' };
}

/** Workers that could still say something new. */
function othersThan(state: CoordinatorState, votes: readonly Vote[]): string[] {
  return readyWorkers(state)
    .map(({ worker }) => worker)
    .filter((worker) => !votes.some((vote) => vote.worker === worker));
}

/**
 * Who is to compute an audited block next: somebody who has not, else somebody who is to say it again; null if all have
 * said it twice, so that only a further worker can decide.
 */
export function nextToAsk(state: CoordinatorState, unit: Unit, audit: Audit): string | null {
  const others = othersThan(state, audit.votes);
  const fresh = others.filter((worker) => worker !== audit.asked);
  const candidates = fresh.length > 0 ? fresh : others;
  // Not always the first one, which would compute most of the audits.
  if (candidates.length > 0) return candidates[(unit.node + unit.attempt) % candidates.length] ?? null;
  const ready = readyWorkers(state).map(({ worker }) => worker);
  // An only answer, however often it was given: with nobody left to confirm it, it is taken when it comes once more.
  const isOnly = audit.votes.length === 1;
  const again = audit.votes.find((vote) => ready.includes(vote.worker) && (isOnly || !vote.repeated));
  return again?.worker ?? null;
}

/** Whether it is with this worker, as far as anybody knows. */
export function isHeldBy(unit: Unit, worker: string): boolean {
  return unit.audit?.asked === worker || unit.holders.includes(worker);
}

/** Answers differ, everybody has repeated his own, and nobody else is there. */
export function isDisputed(state: CoordinatorState, unit: Unit): boolean {
  const { audit } = unit;
  if (audit === null || unit.accepted !== null || audit.votes.length < 2) return false;
  return nextToAsk(state, unit, { ...audit, asked: null }) === null;
}

/** Somebody has to be asked as soon as somebody can be. */
export function wantsVote(unit: Unit): boolean {
  return unit.audit !== null && unit.audit.votes.length > 0 && unit.audit.asked === null;
}

/** An answer is awaited from this worker and nobody else. */
export function wasAsked(unit: Unit, worker: string): boolean {
  return unit.accepted === null && unit.audit?.asked === worker;
}
