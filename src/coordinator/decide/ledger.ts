import { chain, type Decision, decision, type RejectReason, type UnitKey } from './actions.js';
import { closeIfWhole } from './advance.js';
import { onAuditedResult, onTwinMismatch } from './audited-result.js';
import { recordFailure, rememberDuration, sendOnNewer } from './dispatch.js';
import type { ResultHeader } from './events.js';
import { countStrikes, isExpelled } from './expulsion.js';
import { changeUnits, frontOf, isSameFront, isUnit, isWhole, keyOf } from './fronts.js';
import { fillFront } from './opening.js';
import { isAsynchronous, stalenessOf } from './staleness.js';
import type { CoordinatorState, Front, Unit } from './state.js';

type Judgement =
  /** `late`: how much, in asynchronous training. */
  | { type: 'accept'; front: Front; unit: Unit; late: { staleness?: number } }
  | { type: 'reject'; reason: RejectReason; failed: UnitKey | null; twin: Twin | null };

/** The result that a duplicate repeats. */
interface Twin {
  unit: UnitKey;
  worker: string;
  hash: string;
}

/** Each (run, fence, step, pass, node) counts once: the first result that fits in every respect. */
export function onResult(state: CoordinatorState, header: ResultHeader, nowMs: number): Decision {
  const judgement = judge(state, header);
  if (judgement.type === 'accept') {
    const { front, unit, late } = judgement;
    const key = keyOf(front, unit);
    const verdict = unit.audit === null ? null : onAuditedResult(state, key, unit.audit, header, nowMs);
    if (verdict === null) return accept(state, key, unit, header, late, nowMs);
    if (verdict.type === 'open') return verdict.decision;
    return chain(verdict.told, (s) => accept(s, key, unit, header, late, nowMs, verdict.after));
  }
  const { reason, failed, twin } = judgement;
  const rejected = decision(state, { type: 'reject', reason, worker: header.worker });
  if (twin !== null && twin.hash !== header.hash) {
    const workers: [string, string] = [twin.worker, header.worker];
    rejected.actions.push({ type: 'alarm', unit: twin.unit, workers });
    return chain(rejected, (next) => onTwinMismatch(next, twin.unit, workers, nowMs));
  }
  if (failed !== null && reason === 'too_stale')
    return chain(rejected, (next) => sendOnNewer(next, failed, header.weightsVersion, nowMs));
  if (failed === null || (reason !== 'not_finite' && reason !== 'wrong_length')) return rejected;
  const why =
    reason === 'not_finite'
      ? 'its result is not finite'
      : header.fault === undefined
        ? `its result has the wrong length (${header.samples} samples, ${header.gradientLength} values)`
        : `its gradient cannot be read: ${header.fault}`;
  const failure = { worker: header.worker, how: reason, reason: why };
  return chain(rejected, (next) => recordFailure(next, failed, failure, nowMs));
}

function reject(reason: RejectReason, failed: UnitKey | null = null, twin: Twin | null = null): Judgement {
  return { type: 'reject', reason, failed, twin };
}

function judge(state: CoordinatorState, header: ResultHeader): Judgement {
  const { plan } = state;
  if (header.run !== plan.run) return reject('wrong_run');
  if (isExpelled(state, header.worker)) return reject('expelled');
  if (header.fence !== plan.fence) return reject('stale_fence');
  const front = frontOf(state, header);
  if (front === undefined) {
    const twin = lateTwin(state, header);
    return twin === null ? reject('stale_step') : reject('duplicate', null, twin);
  }
  const staleness = missedUpdates(state, front, header);
  if (Number.isNaN(staleness)) return reject('wrong_version');
  if (header.node < 1 || header.node >= 2 * plan.microshards) return reject('unknown_node');
  if (!front.cut.includes(header.node)) return reject('overlapping');
  const unit = front.units.find(({ pass, node }) => pass === header.pass && node === header.node);
  if (unit === undefined) return reject('unknown_node');
  if (unit.samples === 0) return reject('wrong_length'); // Nobody was asked for it.
  if (unit.accepted !== null) {
    const twin = { unit: keyOf(front, unit), ...unit.accepted };
    // One of other weights rightly has other bits.
    return reject('duplicate', null, isAsynchronous(plan, front.mode) ? null : twin);
  }
  if (!lengthsFit(state, front, unit, header)) return reject('wrong_length', keyOf(front, unit));
  if (!header.finite) return reject('not_finite', keyOf(front, unit));
  if (staleness > (plan.staleness ?? 0)) return reject('too_stale', keyOf(front, unit));
  return { type: 'accept', front, unit, late: isAsynchronous(plan, front.mode) ? { staleness } : {} };
}

/** Updates that a gradient misses when it is applied, after all that came before it; NaN for one of weights that it must not be of. */
function missedUpdates(state: CoordinatorState, front: Front, { weightsVersion }: ResultHeader): number {
  if (!isAsynchronous(state.plan, front.mode))
    return weightsVersion === front.weightsVersion ? 0 : Number.NaN;
  const beingApplied = state.phase === 'performing' ? 1 : 0;
  return stalenessOf(state, weightsVersion, state.fronts.filter(isWhole).length + beingApplied);
}

function lengthsFit(state: CoordinatorState, front: Front, unit: Unit, header: ResultHeader): boolean {
  const { parameterCount, classes } = state.plan;
  const gradientLength = front.mode === 'train' ? parameterCount : 0;
  return (
    header.samples === unit.samples &&
    header.gradientLength === gradientLength &&
    (header.confusionLength === 0 || header.confusionLength === classes * classes)
  );
}

/** The result of a front that is closed that this one repeats, if any. */
function lateTwin(state: CoordinatorState, header: ResultHeader): Twin | null {
  const closed = state.closed.find((one) => isSameFront(one, header));
  if (closed === undefined) return null;
  const { mode, step } = closed;
  const twin = closed.units.find(({ pass, node }) => pass === header.pass && node === header.node);
  if (twin === undefined || twin.hash === '') return null;
  return { unit: { mode, step, pass: twin.pass, node: twin.node }, worker: twin.worker, hash: twin.hash };
}

function accept(
  state: CoordinatorState,
  key: UnitKey,
  unit: Unit,
  header: ResultHeader,
  late: { staleness?: number },
  nowMs: number,
  after: (state: CoordinatorState) => Decision = decision,
): Decision {
  const tookMs = nowMs - unit.publishedAtMs;
  const accepted = { worker: header.worker, hash: header.hash };
  const isIt = isUnit(key);
  const entered = changeUnits(state, (other, front) => (isIt(other, front) ? { ...other, accepted } : other));
  const next = rememberDuration({ ...entered, lastProgressMs: nowMs }, key.mode, tookMs);
  const folded = decision(next, { type: 'accept', ...key, tookMs, ...late });
  const steps = [
    after,
    (s: CoordinatorState) => countStrikes(s, { ...unit, accepted }, nowMs),
    (s: CoordinatorState) => fillFront(s, key, nowMs),
    closeIfWhole,
  ];
  return steps.reduce((before, step) => chain(before, step), folded);
}
