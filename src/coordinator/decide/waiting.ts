import { type Decision, decision, report } from './actions.js';
import { isDisputed } from './audit.js';
import { resendAtMs } from './dispatch.js';
import { isWhole } from './fronts.js';
import { isSummed } from './reduction.js';
import {
  type CoordinatorState,
  type Front,
  type RangeEntry,
  rangesAreHeld,
  readyWorkers,
  type Unit,
  type WorkerEntry,
} from './state.js';

/** Heartbeats that may be missed; half of one more for the way. */
export const missedBeats = 3.5;

/** Calls for workers and reducers, but not at every occasion. */
export function announce(state: CoordinatorState, nowMs: number): Decision {
  if (nowMs - state.lastAnnounceMs < state.plan.patience.announceEveryMs) return decision(state);
  return decision({ ...state, lastAnnounceMs: nowMs }, { type: 'announce' });
}

/** Blocks that one line names before it says "and n more". */
const named = 4;

const onHost = (name: string, host: string): string => (host === '' ? name : `${name} on ${host}`);
export const workerName = ({ worker, host }: WorkerEntry): string => onHost(worker, host);
export const reducerName = ({ reducer, host }: Pick<RangeEntry, 'reducer' | 'host'>): string =>
  onHost(String(reducer), host);

export function seconds(ms: number): string {
  const whole = Math.max(0, Math.round(ms / 1000));
  return whole < 120 ? `${whole} s` : `${Math.round(whole / 60)} min`;
}

/** One line whenever the wait is longer than expected: what is missing, who had it, what comes next. */
export function reportWait(state: CoordinatorState, nowMs: number): Decision {
  const { patience } = state.plan;
  const wait = findWait(state, nowMs);
  if (wait === null) return decision(state.reportedWait === null ? state : { ...state, reportedWait: null });
  if (wait.key === state.reportedWait) return decision(state);
  if (nowMs - state.lastReportMs < patience.reportEveryMs) return decision(state);
  return decision({ ...state, lastReportMs: nowMs, reportedWait: wait.key }, report('warn', wait.line, true));
}

/** `key`: what is waited for, without the times; the same wait is told once. */
interface Wait {
  key: string;
  line: string;
}

function findWait(state: CoordinatorState, nowMs: number): Wait | null {
  const { link, phase, plan } = state;
  if (phase === 'ended') return null;
  if (link.type === 'down') {
    const line = `Waiting for the connection to the broker (${link.reason}): outstanding blocks are sent again when it is back.`;
    return { key: 'down', line };
  }
  if (link.type === 'blocked') {
    const line = `Waiting for the broker, which takes no messages (${link.reason}): free memory or disk on its machine.`;
    return { key: 'blocked', line };
  }
  if (phase === 'gathering') return { key: gatheringLine(state), line: gatheringLine(state) };
  if (phase !== 'working') return null;
  // The steps after it wait for it.
  const front = state.fronts.find((one) => !isWhole(one) || !isSummed(state, one));
  if (front !== undefined && nowMs - state.lastProgressMs < patienceOf(state, front)) return null;
  if (readyWorkers(state).length === 0) return { key: 'nobody', line: nobodyLine(state, nowMs) };
  if (!rangesAreHeld(state)) return { key: reducersLine(state), line: reducersLine(state, nowMs) };
  if (front === undefined) return null;
  if (isWhole(front)) return waitForSums(state, front);
  return waitForBlocks(state, front, nowMs, plan.microshards);
}

/** Waiting begins to be worth a line when it is twice the usual. */
function patienceOf(state: CoordinatorState, front: Front): number {
  const times = state.durations[front.mode];
  return Math.max(state.plan.patience.reportAfterMs, 2 * Math.max(0, ...times));
}

export function gatheringLine(state: CoordinatorState): string {
  const { minWorkers } = state.plan;
  const ready = readyWorkers(state);
  const preparing = state.workers.length - ready.length;
  const names = ready.length === 0 ? '' : ` (${ready.map((entry) => entry.worker).join(', ')})`;
  const also = preparing === 0 ? '' : `, ${preparing} preparing`;
  const workers = `Waiting for workers: ${ready.length} of ${minWorkers} ready${names}${also}.${howToStartOne(state)}`;
  if (rangesAreHeld(state)) return workers;
  return ready.length >= minWorkers ? reducersLine(state) : `${workers} ${reducersLine(state)}`;
}

/** `nowMs`: says also when those were last seen that are gone. */
function reducersLine({ ranges, plan }: CoordinatorState, nowMs: number | null = null): string {
  const free = ranges.flatMap((entry, range) => (entry.held ? [] : [{ ...entry, range }]));
  const held = ranges.length - free.length;
  const names = free.slice(0, named).map(({ range, before }) => {
    if (nowMs === null || before === null) return `range ${range}`;
    return `range ${range} (${reducerName(before)}, last seen ${seconds(nowMs - before.lastSeenMs)} ago, had it)`;
  });
  const more = free.length > named ? ` and ${free.length - named} more` : '';
  // At the start nobody asks which.
  const which = held === 0 && nowMs === null ? '' : `, none for ${names.join(', ')}${more}`;
  const how = plan.workerCommand?.replace(/^worker start/, 'reducer start') ?? null;
  return `Waiting for reducers: ${held} of ${ranges.length} ready${which}.${how === null ? '' : ` Start one with: ${how}`}`;
}

function waitForSums({ ranges }: CoordinatorState, { step, reduction }: Front): Wait {
  const of = (reduction?.awaited ?? []).map(
    (range) => `range ${range} (${ranges[range].reducer ?? 'nobody'})`,
  );
  const line = `Step ${step} waits for sums: all blocks are in, and of reducers ${of.join(', ')} is asked.`;
  return { key: line, line };
}

function howToStartOne(state: CoordinatorState): string {
  const { workerCommand } = state.plan;
  return workerCommand === null ? '' : ` Start one with: ${workerCommand}`;
}

function nobodyLine(state: CoordinatorState, nowMs: number): string {
  const last = state.gone.at(-1);
  const who =
    last === undefined
      ? ''
      : ` The last was ${workerName(last)}, seen ${seconds(nowMs - last.lastSeenMs)} ago.`;
  return `Waiting for a worker: none is left.${who}${howToStartOne(state)}`;
}

const whoHas = ({ audit, holders }: Unit): string => [audit?.asked ?? '', ...holders.toSorted()].join('+');

function waitForBlocks(state: CoordinatorState, front: Front, nowMs: number, microshards: number): Wait {
  const missing = front.units.filter((unit) => unit.accepted === null);
  const all = front.units.length;
  const what = front.mode === 'train' ? `Step ${front.step}` : `The validation after step ${front.step}`;
  const parts = missing.slice(0, named).map((unit) => describeUnit(state, unit, nowMs, microshards));
  const more = missing.length > named ? `; and ${missing.length - named} more` : '';
  const line = `${what} waits for ${missing.length} of ${all} blocks: ${parts.join('; ')}${more}. ${nextStep(state, front, missing, nowMs)}`;
  const key = missing.map((unit) => `${unit.pass}/${unit.node}#${unit.attempt}@${whoHas(unit)}`).join(' ');
  return { key: `${front.mode} ${front.step} ${key}`, line };
}

/** What the coordinator will do about it, and when. */
function nextStep(state: CoordinatorState, front: Front, missing: Unit[], nowMs: number): string {
  const resent = missing.filter((unit) => !isDisputed(state, unit));
  if (resent.length === 0) return `A further worker decides whose result is right.${howToStartOne(state)}`;
  const nextMs = Math.min(...resent.map((unit) => resendAtMs(state, front, unit))) - nowMs;
  return `Sent again in ${seconds(nextMs)}.`;
}

function describeUnit(state: CoordinatorState, unit: Unit, nowMs: number, microshards: number): string {
  const kind = unit.node >= microshards ? 'microshard' : 'block';
  const what = `${kind} ${unit.node} (${unit.samples} samples, attempt ${unit.attempt + 1})`;
  if (isDisputed(state, unit)) {
    const sides = unit.audit?.votes.map(({ worker }) => worker).join(' and ') ?? '';
    return `${what} on which ${sides} disagree`;
  }
  const holder = unit.audit?.asked ?? unit.holders.at(-1);
  if (holder === undefined) return `${what} with nobody known`;
  const entry = [...state.gone, ...state.workers].findLast(({ worker }) => worker === holder);
  if (entry === undefined) return `${what} with ${holder}`;
  return `${what} with ${workerName(entry)}, last seen ${seconds(nowMs - entry.lastSeenMs)} ago`;
}
