import { chooseCut, samplesOfBlock } from '../cut.js';
import { weightsVersion } from '../weights-version.js';
import {
  type Action,
  chain,
  type Decision,
  type DispatchCause,
  decision,
  report,
  type UnitKey,
} from './actions.js';
import { isAudited, nextToAsk } from './audit.js';
import { quarantine, shouldRefuse } from './failure.js';
import { find } from './roster.js';
import {
  batchSamples,
  type CoordinatorState,
  type Failure,
  type Front,
  readyThreads,
  stepsPerEpoch,
  type Unit,
} from './state.js';

/** Blocks whose times are remembered, and how many it takes to know what is usual. */
const remembered = 64;
const enough = 8;
/** A block is slow at this many times the 95th percentile. */
const slowFactor = 3;

export function keyOf(front: Front, unit: { pass: number; node: number }): UnitKey {
  return { mode: front.mode, step: front.step, pass: unit.pass, node: unit.node };
}

/** Opens the next training step: weights out, blocks out. */
export function openTraining(state: CoordinatorState, nowMs: number, suspect = false): Decision {
  const { plan, position } = state;
  const inEpoch = position.step % stepsPerEpoch(plan);
  const samples = Math.min(batchSamples(plan), plan.trainSamples - inEpoch * batchSamples(plan));
  return openFront(state, { mode: 'train', step: position.step, samples, passes: 1, suspect }, nowMs);
}

/** Opens the validation of the epoch that the last step ended. */
export function openEvaluation(state: CoordinatorState, nowMs: number, suspect = false): Decision {
  const samples = state.plan.validationSamples;
  const passes = Math.ceil(samples / batchSamples(state.plan));
  return openFront(
    state,
    { mode: 'evaluate', step: state.position.step - 1, samples, passes, suspect },
    nowMs,
  );
}

function openFront(
  state: CoordinatorState,
  o: Pick<Front, 'mode' | 'step' | 'samples' | 'passes' | 'suspect'>,
  nowMs: number,
): Decision {
  const { plan, position } = state;
  const fixed = o.mode === 'train' ? plan.gradientBlocks : null;
  const wanted = fixed ?? readyThreads(state);
  const cut = chooseCut(plan.microshards, plan.microshardSamples, o.samples, wanted);
  const version = weightsVersion(plan.averages, o.mode, position.step);
  const front: Front = {
    ...o,
    weightsVersion: version,
    cut,
    openedPasses: 0,
    units: [],
    lastProgressMs: nowMs,
  };
  const opened = decision(
    { ...state, front },
    { type: 'open_front', mode: o.mode, step: o.step, passes: o.passes },
    { type: 'broadcast_weights', version },
  );
  return chain(opened, (next) => fillFront(next, nowMs));
}

/** Opens passes as long as few blocks are outstanding: one in training, a window of them in validation. */
export function fillFront(state: CoordinatorState, nowMs: number): Decision {
  const { front, plan } = state;
  if (front === null) return decision(state);
  const window = Math.max(8, 4 * readyThreads(state));
  let outstanding = front.units.filter((unit) => unit.accepted === null).length;
  let { openedPasses } = front;
  const units = [...front.units];
  const actions: Action[] = [];
  while (openedPasses < front.passes && outstanding < window) {
    const before = openedPasses * batchSamples(plan);
    const pass = front.mode === 'train' ? 0 : openedPasses + 1;
    for (const node of front.cut) {
      const inPass = Math.min(batchSamples(plan), front.samples - before);
      const samples = samplesOfBlock(node, plan.microshards, plan.microshardSamples, inPass).count;
      const audited = front.suspect || isAudited(plan, { mode: front.mode, step: front.step, pass, node });
      const unit: Unit = {
        pass,
        node,
        samples,
        attempt: 0,
        slowSends: 0,
        publishedAtMs: nowMs,
        holders: [],
        failures: [],
        audit: audited ? { votes: [], asked: null } : null,
        accepted: samples > 0 ? null : { worker: '', hash: '' },
      };
      units.push(unit);
      if (samples > 0) {
        actions.push(publication(front, unit, 'first'));
        outstanding += 1;
      } else {
        actions.push({ type: 'accept_empty', ...keyOf(front, unit) });
      }
    }
    openedPasses += 1;
  }
  return { state: { ...state, front: { ...front, units, openedPasses } }, actions };
}

function publication(
  front: Front,
  unit: Unit,
  cause: DispatchCause,
): Extract<Action, { type: 'publish_task' }> {
  return {
    type: 'publish_task',
    ...keyOf(front, unit),
    weightsVersion: front.weightsVersion,
    attempt: unit.attempt,
    cause,
  };
}

/** Publishes outstanding blocks again, in the front's order. */
export function redispatch(
  state: CoordinatorState,
  which: (unit: Unit) => boolean,
  cause: DispatchCause,
  nowMs: number,
): Decision {
  const { front } = state;
  if (front === null) return decision(state);
  const actions: Action[] = [];
  const units = front.units.map((unit) => {
    if (unit.accepted !== null || !which(unit)) return unit;
    // Of several that died together, each is still to be blamed for what it had.
    const holders =
      cause === 'death' ? unit.holders.filter((holder) => find(state.workers, holder) !== undefined) : [];
    const slowSends = unit.slowSends + (cause === 'slow' ? 1 : 0);
    const again = { ...unit, attempt: unit.attempt + 1, slowSends, publishedAtMs: nowMs, holders };
    if (unit.audit === null || unit.audit.votes.length === 0) {
      actions.push(publication(front, again, cause));
      return again;
    }
    const asked = nextToAsk(state, unit, unit.audit);
    if (asked === null) return { ...unit, audit: { ...unit.audit, asked } };
    actions.push({ ...publication(front, again, cause), type: 'ask', worker: asked });
    return { ...again, audit: { ...unit.audit, asked } };
  });
  return { state: { ...state, front: { ...front, units } }, actions };
}

/** A block failed on a worker: once more, or out of the run. */
export function recordFailure(
  state: CoordinatorState,
  failed: { pass: number; node: number },
  failure: Failure,
  nowMs: number,
): Decision {
  const { front } = state;
  if (front === null || state.phase === 'ended') return decision(state);
  const isIt = (unit: Unit): boolean => unit.pass === failed.pass && unit.node === failed.node;
  const units = front.units.map((unit) =>
    isIt(unit) ? { ...unit, failures: [...unit.failures, failure] } : unit,
  );
  const unit = units.find(isIt);
  const next = { ...state, front: { ...front, units } };
  if (unit === undefined || unit.accepted !== null) return decision(state);
  const verdict = quarantine(next, keyOf(front, unit), unit.failures);
  if (verdict !== null) return decision({ ...next, phase: 'ended' }, ...verdict);
  if (failure.how === 'died') return decision(next); // Sent again with everything else that its holder had.
  const { worker, reason } = failure;
  const line = `Block ${unit.node} of step ${front.step} failed on ${worker} (${reason}) and is sent again.`;
  const told = decision(next, report('warn', line));
  const sent = shouldRefuse(next, worker, unit.failures)
    ? chain(told, (s) => sendAway(s, worker, reason))
    : told;
  return chain(sent, (s) => redispatch(s, isIt, 'failed', nowMs));
}

/** It is asked to leave; when it says hello again, perhaps mended, it is welcome. */
function sendAway(state: CoordinatorState, worker: string, reason: string): Decision {
  const workers = state.workers.filter((entry) => entry.worker !== worker);
  const why = `Blocks fail on this worker that others are to try: ${reason}.`;
  return decision({ ...state, workers }, { type: 'refuse', worker, reason: why });
}

/** Sends again what takes unusually long although somebody is there to compute it. */
export function redispatchSlow(state: CoordinatorState, nowMs: number): Decision {
  const { front } = state;
  if (front === null || state.link.type !== 'up' || readyThreads(state) === 0) return decision(state);
  const slow = (unit: Unit): boolean => nowMs >= resendAtMs(state, front, unit);
  const again = redispatch(state, slow, 'slow', nowMs);
  if (again.actions.length === 0) return again;
  const count = again.actions.length;
  const line = `Step ${front.step}: ${count === 1 ? 'one block takes' : `${count} blocks take`} unusually long and ${count === 1 ? 'is' : 'are'} sent again.`;
  // A lost broadcast looks like a slow worker, too.
  const weights: Action = { type: 'broadcast_weights', version: front.weightsVersion };
  return { state: again.state, actions: [report('warn', line), weights, ...again.actions] };
}

/**
 * When an outstanding block is sent again. The clock starts anew whenever any block comes back, so that a long queue
 * for few workers is not mistaken for a stall; each time that it was slow makes the next wait
 * twice as long; that a worker died or the link was lost says nothing of how long it takes.
 */
export function resendAtMs(state: CoordinatorState, front: Front, unit: Unit): number {
  const since = Math.max(unit.publishedAtMs, front.lastProgressMs);
  return since + allowanceMs(state, front) * 2 ** Math.min(unit.slowSends, 4);
}

function allowanceMs(state: CoordinatorState, front: Front): number {
  const { redispatchFloorMs, redispatchUnknownMs } = state.plan.patience;
  const usual = percentile95(state.durations[front.mode]);
  if (usual === null) return Math.max(redispatchFloorMs, redispatchUnknownMs);
  return Math.max(redispatchFloorMs, slowFactor * usual);
}

function percentile95(durations: readonly number[]): number | null {
  if (durations.length < enough) return null;
  const sorted = durations.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? null;
}

export function rememberDuration(state: CoordinatorState, front: Front, tookMs: number): CoordinatorState {
  const durations = [...state.durations[front.mode], tookMs].slice(-remembered);
  return { ...state, durations: { ...state.durations, [front.mode]: durations } };
}
