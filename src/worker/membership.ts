import type { RunOffer } from '../protocol/index.js';
import type { WorkerAction, WorkerEvent } from './events.js';
import { adoptFence, dropOlderTasks, heard, settleAll } from './run.js';
import { changeRun, isSilent, oldestWanted, type RunState, type WorkerState } from './state.js';

export function takeOffer(
  state: WorkerState,
  offer: RunOffer,
  nowMs: number,
  actions: WorkerAction[],
): WorkerState {
  const { stage, settings } = state;
  if (settings.run !== null && offer.run !== settings.run) return state;
  if (stage.type === 'lobby') {
    if (state.draining !== null) return state;
    if (offer.numericsId !== settings.numericsId) {
      const reason = `Run ${offer.run} computes with ${offer.numericsId}, this worker with ${settings.numericsId}: its results would differ.`;
      return reportOnce(state, 'warn', reason, actions);
    }
    actions.push({ type: 'join', offer });
    return { ...state, stage: { type: 'run', run: newRun(offer, nowMs) } };
  }
  if (stage.type !== 'run') return state;
  const { run } = stage;
  if (offer.run !== run.offer.run) {
    if (!isSilent(run, settings.silentMs, nowMs)) return state;
    // Back in the lobby, our next hello is answered by the coordinator that is alive.
    return leaveRun(state, 'its coordinator is silent and another one has work', 'left', actions);
  }
  if (offer.fence < run.fence) return state;
  if (!isSameRun(offer, run.offer))
    return leaveRun(state, 'it was started anew with another spec', 'left', actions);
  const adopted = offer.fence > run.fence ? adoptFence(run, offer.fence, nowMs, actions) : run;
  // An answer to our hello: the coordinator does not count on us yet.
  return changeRun(state, () => ({ ...heard(adopted, nowMs), offer, readyAtMs: nowMs }));
}

/** Back to the lobby; for a reason that will still hold in a moment only after a while, and with a word to the user. */
export function giveUpJoining(
  state: WorkerState,
  { run, reason, passing }: Extract<WorkerEvent, { type: 'join_failed' }>,
  actions: WorkerAction[],
): WorkerState {
  const { rejoinMs, helloEveryMs } = state.settings;
  const told = passing
    ? state
    : reportOnce(state, 'error', `Cannot take part in run ${run}: ${reason}`, actions);
  const helloAfterMs = passing ? helloEveryMs : rejoinMs;
  return leave(told, { next: 'lobby', helloAfterMs, verdict: 'requeue' }, actions);
}

function newRun(offer: RunOffer, nowMs: number): RunState {
  return {
    offer,
    fence: offer.fence,
    joined: false,
    tasksPaused: 'no',
    versions: [],
    tasks: [],
    fetches: [],
    heardAtMs: nowMs,
    heartbeatAtMs: nowMs + offer.heartbeatMs,
    readyAtMs: Number.POSITIVE_INFINITY,
    helloAtMs: nowMs,
  };
}

function isSameRun(a: RunOffer, b: RunOffer): boolean {
  return (
    a.seed === b.seed &&
    a.microshards === b.microshards &&
    a.microshardSamples === b.microshardSamples &&
    a.staleness === b.staleness &&
    a.newestWeights === b.newestWeights &&
    a.numericsId === b.numericsId &&
    a.modelSpecJson === b.modelSpecJson &&
    a.manifestJson === b.manifestJson
  );
}

export function takeWeights(
  state: WorkerState,
  event: Extract<WorkerEvent, { type: 'weights' }>,
  nowMs: number,
  actions: WorkerAction[],
): WorkerState {
  if (state.stage.type !== 'run' || event.fence < state.stage.run.fence) return state;
  const expected = state.stage.run.offer.parameterCount;
  if (event.parameterCount !== expected) {
    const message = `Run ${event.run} sent weights of ${event.parameterCount} parameters, its model has ${expected}: not used.`;
    return reportOnce(state, 'error', message, actions);
  }
  return changeRun(state, (before) => {
    const run = event.fence > before.fence ? adoptFence(before, event.fence, nowMs, actions) : before;
    if (event.version < oldestWanted(run) || run.versions.includes(event.version)) return heard(run, nowMs);
    const all = { ...run, versions: [...run.versions, event.version].toSorted((a, b) => a - b) };
    const oldest = oldestWanted(all);
    const versions = all.versions.filter((version) => version >= oldest);
    actions.push({ type: 'keep_weights', version: event.version, versions });
    return heard({ ...dropOlderTasks(run, oldest, actions), versions }, nowMs);
  });
}

/** Out of the run, with a word to the user; to its coordinator too if that may still count on us. */
export function leaveRun(
  state: WorkerState,
  why: string,
  how: 'ended' | 'left',
  actions: WorkerAction[],
): WorkerState {
  if (state.stage.type !== 'run') return state;
  const run = state.stage.run.offer.run;
  const because = why.replace(/\.$/, '');
  const message = how === 'ended' ? `Run ${run} is over: ${because}.` : `Leaving run ${run}: ${because}.`;
  actions.push({ type: 'report', level: 'info', message });
  if (how === 'left') actions.push({ type: 'goodbye', run, reason: why });
  const counted = how === 'ended' ? { ...state, runs: state.runs + 1 } : state;
  const next = how === 'ended' && state.settings.once ? 'done' : 'lobby';
  return leave(counted, { next, helloAfterMs: 0, verdict: how === 'ended' ? 'ack' : 'requeue' }, actions);
}

/** Everything in hand is settled; results that are still being computed die with their threads. */
export function leave(
  state: WorkerState,
  how: { next: 'lobby' | 'done'; helloAfterMs: number; verdict: 'ack' | 'requeue' },
  actions: WorkerAction[],
): WorkerState {
  if (state.stage.type !== 'run') return state;
  settleAll(state.stage.run, how.verdict, actions);
  const run = state.stage.run.offer.run;
  actions.push({ type: 'leave', run });
  return { ...state, stage: { type: 'leaving', run, next: how.next, helloAfterMs: how.helloAfterMs } };
}

export function finish(state: WorkerState, actions: WorkerAction[]): WorkerState {
  actions.push({ type: 'finish' });
  return { ...state, stage: { type: 'done' } };
}

/** The same sentence is told once only, however often its cause comes back. */
export function reportOnce(
  state: WorkerState,
  level: 'warn' | 'error',
  message: string,
  actions: WorkerAction[],
): WorkerState {
  if (state.reported.includes(message)) return state;
  actions.push({ type: 'report', level, message });
  return { ...state, reported: [...state.reported, message] };
}
