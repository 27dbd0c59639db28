import type { Hello } from '../../protocol/index.js';
import { type Action, chain, type Decision, decision } from './actions.js';
import { isHeldBy } from './audit.js';
import { redispatch } from './dispatch.js';
import { changeUnits, isSameFront, type UnitChoice, unitsWhere } from './fronts.js';
import { openFront } from './opening.js';
import { find, remove } from './roster.js';
import type { CoordinatorState, ExpelledWorker, Failure, Front, Unit } from './state.js';
import { workerName } from './waiting.js';

/** Results shown to be wrong by others before a worker is expelled: one may be an accident on the way. */
const strikesBeforeExpulsion = 2;

/** The worker that a name or a machine was expelled as; null for one that may take part. */
export function expelledAs(
  state: CoordinatorState,
  hello: Pick<Hello, 'worker' | 'host'>,
): ExpelledWorker | null {
  const byName = state.expelled.find(({ worker }) => worker === hello.worker);
  if (byName !== undefined) return byName;
  // A worker started anew has another name, but the same processor and memory. Who takes part already has its own record.
  if (hello.host === '' || find(state.workers, hello.worker) !== undefined) return null;
  return state.expelled.find(({ host }) => host === hello.host) ?? null;
}

export const isExpelled = (state: CoordinatorState, worker: string): boolean =>
  state.expelled.some((one) => one.worker === worker);

export function refuseExpelled(worker: string, as: ExpelledWorker): Action {
  const who =
    as.worker === worker ? 'This worker was' : `Worker ${as.worker} of this machine (${as.host}) was`;
  const reason = `${who} expelled from the run: ${as.reason}. Check memory and processor. A coordinator that is started anew with --resume takes it again.`;
  return { type: 'refuse', worker, reason };
}

/** Out of the run for good; what it has in hand is for others, and a step with something of its is computed anew. */
export function expel(state: CoordinatorState, worker: string, reason: string, nowMs: number): Decision {
  if (isExpelled(state, worker)) return decision(state);
  const entry = find(state.workers, worker) ?? find(state.gone, worker);
  const record: ExpelledWorker = { worker, host: entry?.host ?? '', reason };
  const listed = { ...state, expelled: [...state.expelled, record] };
  const without = entry === undefined ? listed : remove(listed, entry, nowMs);
  const name = entry === undefined ? worker : workerName(entry);
  const tainted = without.fronts.filter((front) => hasFolded(front, worker));
  const line = `Worker ${name} is expelled from the run: ${reason}.${redoneLine(tainted)} What it computed in earlier steps, unless audited, was used: see "An expelled worker" in docs/operations.md.`;
  const told = decision(without, refuseExpelled(worker, record), { type: 'expelled', worker, line });
  // Its own blocks, and those where nobody else is being asked since it was the last to say something.
  const orphans = new Set(
    unitsWhere(
      without,
      (unit) => isHeldBy(unit, worker) || (unit.audit?.asked === null && hasVoted(unit, worker)),
    ).map(({ front, unit }) => nameOf(unit, front)),
  );
  const isOrphan: UnitChoice = (unit, front) => orphans.has(nameOf(unit, front));
  const forgotten = chain(told, (s) => decision(changeUnits(s, (unit) => withoutVotes(unit, worker))));
  if (tainted.length === 0) return chain(forgotten, (s) => redispatch(s, isOrphan, 'expelled', nowMs));
  return chain(forgotten, (s) => reopen(s, tainted, { alsoSent: isOrphan }, nowMs));
}

const nameOf = ({ pass, node }: Unit, { step }: Front): string => `${step}/${pass}/${node}`;

function redoneLine(tainted: readonly Front[]): string {
  if (tainted.length === 0) return '';
  const steps = tainted.map(({ step }) => step).join(' and ');
  return ` ${tainted.length === 1 ? `Step ${steps} is` : `Steps ${steps} are`} computed anew without it.`;
}

const hasVoted = (unit: Unit, worker: string): boolean =>
  unit.audit?.votes.some((vote) => vote.worker === worker) ?? false;

/** Something that it alone answered for is in the sums of the front. */
function hasFolded(front: Front, worker: string): boolean {
  return front.units.some((unit) => unit.audit === null && unit.accepted?.worker === worker);
}

/**
 * Throws away what was folded of these fronts, and computes them from the beginning; `suspect`: every block twice. Their tasks
 * leave the queue, and so do those of the other fronts, which are sent again, `alsoSent` among them.
 */
export function reopen(
  state: CoordinatorState,
  fronts: readonly Front[],
  { suspect = false, alsoSent = () => false }: { suspect?: boolean; alsoSent?: UnitChoice },
  nowMs: number,
): Decision {
  const isKept = (front: Front): boolean => !fronts.some((one) => isSameFront(one, front));
  const purged = decision({ ...state, fronts: state.fronts.filter(isKept) }, { type: 'purge_tasks' });
  const isLost: UnitChoice = (unit, front) => isQueued(unit) || alsoSent(unit, front);
  const others = chain(purged, (s) => redispatch(s, isLost, 'expelled', nowMs));
  return fronts.reduce(
    (before, front) => chain(before, (s) => openFront(s, front, suspect || front.suspect, nowMs)),
    others,
  );
}

/** Its task is for anybody, and not a question to one worker. */
const isQueued = ({ audit }: Unit): boolean => audit === null || audit.votes.length === 0;

function withoutVotes(unit: Unit, worker: string): Unit {
  const { audit } = unit;
  if (audit === null || unit.accepted !== null) return unit;
  return { ...unit, audit: { ...audit, votes: audit.votes.filter((vote) => vote.worker !== worker) } };
}

const isFaulty = (how: Failure['how']): boolean =>
  how === 'not_finite' || how === 'wrong_length' || how === 'differs';

/** Another worker's result for a block was fine: those that were not finite, or of the wrong length, were their workers' fault. */
export function countStrikes(state: CoordinatorState, unit: Unit, nowMs: number): Decision {
  const faults = unit.failures.filter(({ how }) => isFaulty(how));
  const struck = faults.filter(({ worker }) => worker !== unit.accepted?.worker);
  const strikes = { ...state.strikes };
  for (const { worker } of struck) strikes[worker] = (strikes[worker] ?? 0) + 1;
  const guilty = [...new Set(struck.map(({ worker }) => worker))].filter(
    (worker) => (strikes[worker] ?? 0) >= strikesBeforeExpulsion,
  );
  const start = decision(struck.length === 0 ? state : { ...state, strikes });
  return guilty.reduce((before, worker) => {
    const why = `${strikes[worker] ?? 0} of its results were not finite or had the wrong length, where another worker's were fine`;
    return chain(before, (s) => expel(s, worker, why, nowMs));
  }, start);
}
