import type { Goodbye, Heartbeat, Hello, Ready, TaskFailed } from '../../protocol/index.js';
import { weightsStep, weightsVersion } from '../weights-version.js';
import { type Action, chain, type Decision, decision, report, type UnitKey } from './actions.js';
import { advance } from './advance.js';
import { isDisputed, isHeldBy, wantsVote, wasAsked } from './audit.js';
import { recordFailure, redispatch } from './dispatch.js';
import { expelledAs, refuseExpelled } from './expulsion.js';
import { changeUnits, keyOf, unitsWhere, versionsInUse } from './fronts.js';
import { find, isComplete, put, remove, seen, withShortage } from './roster.js';
import { tightBound } from './staleness.js';
import {
  type CoordinatorState,
  epochIsOver,
  readyThreads,
  readyWorkers,
  stepsPerEpoch,
  type Unit,
  type WorkerEntry,
} from './state.js';
import { announce, gatheringLine, missedBeats, seconds, workerName } from './waiting.js';

export function onHello(state: CoordinatorState, hello: Hello, nowMs: number): Decision {
  const { plan } = state;
  const { worker } = hello;
  const expelled = expelledAs(state, hello);
  if (expelled !== null) return decision(state, refuseExpelled(worker, expelled));
  if (hello.version !== plan.version) {
    const reason = `This run is coordinated by Onko ${plan.version}, the worker is Onko ${hello.version}: install the same version on both.`;
    return refuse(state, hello, reason);
  }
  if (hello.numericsId !== plan.numericsId) {
    const reason = `This run computes with numerics "${plan.numericsId}", the worker with "${hello.numericsId}" (kernels "${hello.kernels}"): their bits differ, so the worker cannot take part. Start it with the kernels of the run (--kernels), or everything with --kernels reference, which runs everywhere.`;
    return refuse(state, hello, reason);
  }
  if (state.phase === 'ending' || state.phase === 'ended') return decision(state);
  const { host, threads, kernels } = hello;
  // One that is ready may just ask whether anybody is there; had it lost the run, it would take the offer and join again.
  const known = find(state.workers, worker);
  const joined = known?.state ?? 'offered';
  const vitals = known?.vitals ?? null;
  const entry: WorkerEntry = { worker, host, threads, kernels, state: joined, lastSeenMs: nowMs, vitals };
  const next = withShortage({ ...state, workers: put(state.workers, entry) }, nowMs);
  return decision(next, { type: 'offer', worker });
}

function refuse(state: CoordinatorState, hello: Hello, reason: string): Decision {
  const line = `Worker ${hello.worker} on ${hello.host} is turned away. ${reason}`;
  return decision(state, { type: 'refuse', worker: hello.worker, reason }, report('warn', line));
}

export function onReady(state: CoordinatorState, ready: Ready, nowMs: number): Decision {
  if (ready.run !== state.plan.run) return decision(state);
  if (ready.fence !== state.plan.fence) return offerAnew(state, ready.worker, nowMs);
  return join(state, ready.worker, ready.threads, nowMs);
}

/** The worker has joined this run under this fence, so it was offered it and found fit. */
function join(state: CoordinatorState, worker: string, threads: number | null, nowMs: number): Decision {
  if (state.phase === 'ending' || state.phase === 'ended') return decision(state);
  const known = find(state.workers, worker) ?? find(state.gone, worker);
  const entry: WorkerEntry = {
    worker,
    host: known?.host ?? '',
    threads: Math.max(1, threads ?? known?.threads ?? 1),
    kernels: known?.kernels ?? '',
    state: 'ready',
    lastSeenMs: nowMs,
    vitals: find(state.workers, worker)?.vitals ?? null,
  };
  const isNew = find(state.workers, worker)?.state !== 'ready';
  const gone = state.gone.filter((other) => other.worker !== worker);
  const next = withShortage({ ...state, workers: put(state.workers, entry), gone }, nowMs);
  const actions: Action[] = versionsToSend(state).map((version) => ({
    type: 'send_weights',
    worker,
    version,
  }));
  if (isNew) actions.push(report('info', joinedLine(next, entry)), ...tightBound(next));
  // An audit may have waited for one more worker; or this one was asked, and the question was lost with its inbox.
  const isToBeAsked = (unit: Unit): boolean => wantsVote(unit) || wasAsked(unit, worker);
  const voiced = chain(decision(next, ...actions), (s) => redispatch(s, isToBeAsked, 'audit', nowMs));
  return chain(voiced, (s) => beginIfEnough(s, nowMs));
}

/**
 * What somebody who comes needs, and what weights are replaced by that were to be sent and are past: those of what is under way, or of what
 * is next. Not those of a step where a validation is next: they are newer than the validation's, which the worker would then take for done.
 */
export function versionsToSend(state: CoordinatorState): number[] {
  const { plan, position } = state;
  const versions = versionsInUse(state);
  if (versions.length > 0) return versions;
  if (epochIsOver(state) && plan.validationSamples > 0)
    return [weightsVersion(plan.averages, 'evaluate', position.step)];
  const stepsDone = weightsStep(position.step, stepsPerEpoch(plan), plan.delay);
  return [weightsVersion(plan.averages, 'train', stepsDone)];
}

function joinedLine(state: CoordinatorState, entry: WorkerEntry): string {
  const count = readyWorkers(state).length;
  return `Worker ${workerName(entry)} joined with ${plural(entry.threads, 'thread')}: ${plural(count, 'worker')}, ${plural(readyThreads(state), 'thread')} in all.`;
}

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Goes on, or begins once everybody is there who is waited for. */
export function beginIfEnough(state: CoordinatorState, nowMs: number): Decision {
  if (state.phase === 'working') return advance(state, nowMs);
  if (state.phase !== 'gathering' || !isComplete(state)) return decision(state);
  return advance({ ...state, phase: 'working', shortSinceMs: null }, nowMs);
}

export function onHeartbeat(state: CoordinatorState, beat: Heartbeat, nowMs: number): Decision {
  if (beat.run !== state.plan.run) return decision(state);
  if (beat.fence !== state.plan.fence) return offerAnew(state, beat.worker, nowMs);
  const known = find(state.workers, beat.worker);
  // Its "ready" was lost, or it was thought dead: it works all the same.
  const joined = known?.state === 'ready' ? decision(state) : join(state, beat.worker, null, nowMs);
  return chain(joined, (s) => decision(noteHoldings(noteVitals(s, beat, nowMs), beat)));
}

function noteVitals(state: CoordinatorState, beat: Heartbeat, nowMs: number): CoordinatorState {
  const { worker, nodes, images, eventLoopLagMs, rssBytes } = beat;
  const { busyMs, cacheHits, cacheMisses, reconnects } = beat;
  const workers = seen(state, worker, nowMs).workers.map((entry) => {
    if (entry.worker !== worker) return entry;
    const before = entry.vitals;
    const since = before === null ? 0 : nowMs - before.atMs;
    const imagesPerSecond =
      before === null || since <= 0 ? null : (Math.max(0, images - before.images) * 1000) / since;
    const counted = { busyMs, cacheHits, cacheMisses, reconnects };
    const vitals = { atMs: nowMs, nodes, images, imagesPerSecond, eventLoopLagMs, rssBytes, ...counted };
    return { ...entry, vitals };
  });
  return { ...state, workers };
}

/** Remembers who has which outstanding block in hand. Heartbeats name no pass: in validation any of that node is meant. */
function noteHoldings(state: CoordinatorState, beat: Heartbeat): CoordinatorState {
  return changeUnits(state, (unit, front) => {
    if (unit.accepted !== null) return unit;
    const others = unit.holders.filter((holder) => holder !== beat.worker);
    const isHeld = beat.nodes.some((node, i) => node === unit.node && beat.steps[i] === front.step);
    if (isHeld) return { ...unit, holders: [...others, beat.worker] };
    return others.length === unit.holders.length ? unit : { ...unit, holders: others };
  });
}

/** It still works for the coordinator before this one. It will say hello when it is called. */
function offerAnew(state: CoordinatorState, worker: string, nowMs: number): Decision {
  if (find(state.workers, worker) !== undefined) return decision(state, { type: 'offer', worker });
  return announce(state, nowMs);
}

export function onTaskFailed(state: CoordinatorState, message: TaskFailed, nowMs: number): Decision {
  const { plan } = state;
  if (message.run !== plan.run || message.fence !== plan.fence) return decision(state);
  const { worker, reason, step, pass, node } = message;
  const key: UnitKey = { mode: pass === 0 ? 'train' : 'evaluate', step, pass, node };
  return recordFailure(seen(state, worker, nowMs), key, { worker, how: 'failed', reason }, nowMs);
}

export function onGoodbye(state: CoordinatorState, message: Goodbye, nowMs: number): Decision {
  const entry = find(state.workers, message.worker);
  if (message.run !== state.plan.run || entry === undefined) return decision(state);
  const left = remove(state, entry, nowMs);
  const line = `Worker ${workerName(entry)} left (${message.reason}): ${plural(readyWorkers(left).length, 'worker')} in all.`;
  const held = (unit: Unit): boolean =>
    unit.audit?.asked === entry.worker || unit.holders.at(-1) === entry.worker;
  return chain(decision(left, report('info', line)), (s) => redispatch(s, held, 'goodbye', nowMs));
}

/** Strikes off who missed three heartbeats, and sends again what they had. */
export function buryTheDead(state: CoordinatorState, nowMs: number): Decision {
  if (state.link.type === 'down') return decision(state); // Nobody can be heard.
  const allowedMs = missedBeats * state.plan.heartbeatMs;
  const dead = state.workers.filter((entry) => nowMs - entry.lastSeenMs > allowedMs);
  return dead.reduce((before, entry) => chain(before, (s) => bury(s, entry, nowMs)), decision(state));
}

function bury(state: CoordinatorState, entry: WorkerEntry, nowMs: number): Decision {
  const buried = remove(state, entry, nowMs);
  if (entry.state === 'offered') return decision(buried);
  const held = unitsWhere(state, (unit) => unit.accepted === null && isHeldBy(unit, entry.worker));
  const nodes = held.map(({ unit }) => unit.node).join(', ');
  const blocks = held.length === 0 ? '' : ` Its blocks (${nodes}) are sent to others.`;
  const silence = seconds(nowMs - entry.lastSeenMs);
  const line = `Worker ${workerName(entry)} has been silent for ${silence} and counts as dead.${blocks}`;
  const failure = { worker: entry.worker, how: 'died', reason: 'died holding it' } as const;
  // Only training blocks are blamed: in validation nobody knows which pass the worker had in hand.
  const blamed = held.filter(({ front }) => front.mode === 'train');
  const mourned = blamed.reduce(
    (before, { front, unit }) => chain(before, (s) => recordFailure(s, keyOf(front, unit), failure, nowMs)),
    decision(buried, report('warn', line)),
  );
  const isHeld = (unit: Unit): boolean => isHeldBy(unit, entry.worker);
  return chain(mourned, (s) => (s.phase === 'ended' ? decision(s) : redispatch(s, isHeld, 'death', nowMs)));
}

/** Stops when two workers disagree and no third one came to decide. */
export function lookForArbiter(state: CoordinatorState, nowMs: number): Decision {
  const { plan, link } = state;
  if (plan.workerWaitMs === null || link.type !== 'up') return decision(state);
  const [disputed] = unitsWhere(state, (unit) => isDisputed(state, unit));
  if (disputed === undefined) return decision(state);
  const { front, unit } = disputed;
  const waitedMs = nowMs - Math.max(unit.publishedAtMs, state.lastProgressMs);
  if (waitedMs < plan.workerWaitMs) return decision(state);
  const workers = (unit.audit?.votes ?? []).map(({ worker }) => worker);
  const cause = { type: 'disputed', unit: keyOf(front, unit), workers, waitedMs } as const;
  return decision({ ...state, phase: 'ended' }, { type: 'fail', cause });
}

/** Stops when there have been too few workers for too long; calls for more in the meantime. */
export function lookForWorkers(state: CoordinatorState, nowMs: number): Decision {
  const { plan, shortSinceMs } = state;
  if (shortSinceMs === null || state.link.type === 'down') return decision(state);
  if (state.phase !== 'gathering' && state.phase !== 'working') return decision(state);
  const waitedMs = nowMs - shortSinceMs;
  if (plan.workerWaitMs !== null && waitedMs >= plan.workerWaitMs) {
    const ready = readyWorkers(state).length;
    const needed = state.phase === 'gathering' ? plan.minWorkers : 1;
    const rangesFree = state.ranges.filter(({ held }) => !held).length;
    const cause = { type: 'no_workers', waitedMs, ready, needed, rangesFree } as const;
    return decision({ ...state, phase: 'ended' }, { type: 'fail', cause });
  }
  return announce(state, nowMs);
}

export function firstCall(state: CoordinatorState, nowMs: number): Decision {
  const line = gatheringLine(state);
  const called = { ...state, lastAnnounceMs: nowMs, lastReportMs: nowMs, reportedWait: line };
  return decision(called, { type: 'announce' }, report('info', line, true));
}
