import { type AuditOutcome, chain, type Decision, decision, type UnitKey } from './actions.js';
import { cast, isDisputed, judgeVotes } from './audit.js';
import { redispatch } from './dispatch.js';
import type { ResultHeader } from './events.js';
import { expel, reopen } from './expulsion.js';
import { changeUnits, frontOf, isUnit, unitsWhere } from './fronts.js';
import type { Audit, CoordinatorState } from './state.js';

/** `fold`: this very result is right; `told` comes before it is entered, `after` follows. `open`: not known yet. */
export type AuditStep =
  | { type: 'fold'; told: Decision; after: (state: CoordinatorState) => Decision }
  | { type: 'open'; decision: Decision };

/** A result for a block that is computed twice: nothing of it is used before another worker has said the same. */
export function onAuditedResult(
  state: CoordinatorState,
  key: UnitKey,
  audit: Audit,
  header: ResultHeader,
  nowMs: number,
): AuditStep {
  const { worker } = header;
  const { votes, unsteady } = cast(audit.votes, worker, header.hash);
  const isIt = isUnit(key);
  const entered = changeUnits(state, (unit, front) =>
    isIt(unit, front) ? { ...unit, audit: { ...audit, votes } } : unit,
  );
  if (unsteady) {
    const why = `it computed ${blockOf(key)} twice, with different bits`;
    const found = decision(entered, audited(key, 'mismatch', null));
    return { type: 'open', decision: chain(found, (s) => expel(s, worker, why, nowMs)) };
  }
  const verdict = judgeVotes(state, votes);
  switch (verdict.type) {
    case 'unconfirmed':
      return { type: 'fold', told: decision(entered, audited(key, 'skipped', null)), after: decision };
    case 'agreed': {
      const { right, wrong } = verdict;
      const why = `its result for ${blockOf(key)} had other bits than that of ${right.join(' and ')}`;
      const expelAll = (s: CoordinatorState): Decision =>
        wrong.reduce((before, name) => chain(before, (next) => expel(next, name, why, nowMs)), decision(s));
      const outcome = wrong.length === 0 ? 'agreed' : 'mismatch';
      return { type: 'fold', told: decision(entered, audited(key, outcome, null)), after: expelAll };
    }
    case 'open': {
      const asked = redispatch({ ...entered, lastProgressMs: nowMs }, isIt, 'audit', nowMs);
      const line = `Audit: ${votes.map((vote) => vote.worker).join(' and ')} give different results for ${blockOf(key)}, and each says so again. Nothing of it is used: a further worker decides which machine computes wrongly. Start one.`;
      const isStuck = unitsWhere(asked.state, isIt).some(({ unit }) => isDisputed(asked.state, unit));
      const stuck = isStuck ? [audited(key, 'disputed', line)] : [];
      return { type: 'open', decision: { state: asked.state, actions: [...asked.actions, ...stuck] } };
    }
    default:
      return verdict satisfies never;
  }
}

/**
 * A second result for a block that has one differs from it. Who contradicts itself, or two others, is expelled; else, while
 * the step is open, it is computed anew, every block by two workers, if audits were asked for at all.
 */
export function onTwinMismatch(
  state: CoordinatorState,
  key: UnitKey,
  [first, second]: readonly [string, string],
  nowMs: number,
): Decision {
  if (first === second)
    return expel(state, second, `it computed ${blockOf(key)} twice, with different bits`, nowMs);
  const front = frontOf(state, key);
  if (front === undefined) return decision(state);
  const unit = front.units.find((one) => isUnit(key)(one, front));
  const agreeing = unit?.audit?.votes.filter(({ hash }) => hash === unit.accepted?.hash) ?? [];
  if (agreeing.length >= 2) {
    const right = agreeing.map(({ worker }) => worker).join(' and ');
    const why = `its result for ${blockOf(key)} had other bits than that of ${right}`;
    return expel(state, second, why, nowMs);
  }
  if (state.plan.auditShare === 0 || front.suspect) return decision(state);
  return reopen(state, [front], { suspect: true }, nowMs);
}

const blockOf = ({ node, step, mode }: UnitKey): string =>
  mode === 'train' ? `block ${node} of step ${step}` : `block ${node} of the validation after step ${step}`;

function audited(unit: UnitKey, outcome: AuditOutcome, line: string | null) {
  return { type: 'audited', unit, outcome, line } as const;
}
