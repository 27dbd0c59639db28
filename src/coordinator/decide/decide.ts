import type { RangeHeld, RangeReleased, ReducerHello, StatusRequest } from '../../protocol/index.js';
import { assertNever } from '../assert-never.js';
import { chain, type Decision, decision, report } from './actions.js';
import {
  advance,
  closeIfWhole,
  end,
  onCheckpointFailed,
  onCheckpointSaved,
  onEpochRecorded,
  onStepApplied,
} from './advance.js';
import { redispatch, redispatchSlow } from './dispatch.js';
import type { CoordinatorEvent } from './events.js';
import { refuseExpelled } from './expulsion.js';
import { versionsInUse } from './fronts.js';
import { onResult } from './ledger.js';
import {
  beginIfEnough,
  buryTheDead,
  firstCall,
  lookForArbiter,
  lookForWorkers,
  onGoodbye,
  onHeartbeat,
  onHello,
  onReady,
  onTaskFailed,
} from './membership.js';
import { buryReducers, onRangeHeld, onRangeReleased, onReducerGone, onReducerHello } from './reducers.js';
import { askAll, askSlow, onRangeSum } from './reduction.js';
import { seen } from './roster.js';
import type { CoordinatorState } from './state.js';
import { reportWait } from './waiting.js';

/**
 * The coordinator's mind: what follows from an event. Pure, so that a simulator can drive it through any schedule of
 * faults: no I/O, no clock, no chance, and `state` is not modified. The performer does the actions in their order and
 * feeds back `step_applied`, `epoch_recorded` and `checkpoint_saved`.
 */
export function decide(state: CoordinatorState, event: CoordinatorEvent, nowMs: number): Decision {
  if (state.phase === 'ended') return decision(state);
  switch (event.type) {
    case 'started':
      return onStarted(state, nowMs);
    case 'link_up':
      return onLinkUp(state, nowMs);
    case 'link_down': {
      const line = `The connection to the broker is lost (${event.reason}). Training goes on when it is back.`;
      return decision({ ...state, link: { type: 'down', reason: event.reason } }, report('warn', line, true));
    }
    // On its way back, before it is up: then everything is sent again, blocked or not.
    case 'link_blocked': {
      if (state.link.type === 'down') return decision(state);
      const line = `The broker takes no messages (${event.reason}). Training goes on when it does.`;
      return decision(
        { ...state, link: { type: 'blocked', reason: event.reason } },
        report('warn', line, true),
      );
    }
    case 'link_unblocked':
      if (state.link.type === 'down') return decision(state);
      return decision(patient({ ...state, link: { type: 'up' } }, nowMs));
    case 'message':
      return onMessage(state, event.message, nowMs);
    case 'result':
      return onResult(seen(state, event.header.worker, nowMs), event.header, nowMs);
    case 'range_sum':
      return onRangeSum(state, event.header, nowMs, closeIfWhole);
    case 'reducer_gone':
      return onReducerGone(state, event.reducer, nowMs);
    case 'tick':
      return onTick(state, nowMs);
    case 'step_applied':
      return onStepApplied(state, event, nowMs);
    case 'epoch_recorded':
      return onEpochRecorded(state, event, nowMs);
    case 'checkpoint_saved':
      return onCheckpointSaved(state, nowMs);
    case 'checkpoint_failed':
      return onCheckpointFailed(state, event.reason, nowMs);
    case 'stop_requested':
      return onStop(state);
    default:
      return assertNever(event);
  }
}

function onStarted(state: CoordinatorState, nowMs: number): Decision {
  const purged = decision(state, { type: 'purge_tasks' });
  // A run that was ended between its last step and its last word needs nobody.
  const alone = advance({ ...state, phase: 'working' }, nowMs);
  if (alone.actions.length > 0) return chain(purged, () => alone);
  return chain(purged, (s) => firstCall(s, nowMs));
}

function onMessage(state: CoordinatorState, message: MessageEvent, nowMs: number): Decision {
  if (message.type === 'status_request')
    return decision(state, { type: 'answer_status', observer: message.observer });
  if (isOfReducer(message)) return onReducerMessage(state, message, nowMs);
  return onWorkerMessage(state, message, nowMs);
}

type MessageEvent = Extract<CoordinatorEvent, { type: 'message' }>['message'];
type ReducerMessage = ReducerHello | RangeHeld | RangeReleased;

function isOfReducer(message: MessageEvent): message is ReducerMessage {
  const { type } = message;
  return type === 'reducer_hello' || type === 'range_held' || type === 'range_released';
}

function onReducerMessage(state: CoordinatorState, message: ReducerMessage, nowMs: number): Decision {
  switch (message.type) {
    case 'reducer_hello':
      return onReducerHello(state, message, nowMs);
    case 'range_held':
      return onRangeHeld(state, message, nowMs, (s) => beginIfEnough(s, nowMs));
    case 'range_released':
      return onRangeReleased(state, message, nowMs);
    default:
      return assertNever(message);
  }
}

function onWorkerMessage(
  state: CoordinatorState,
  message: Exclude<MessageEvent, StatusRequest | ReducerMessage>,
  nowMs: number,
): Decision {
  const expelled = state.expelled.find(({ worker }) => worker === message.worker);
  if (expelled !== undefined) {
    // It has not heard yet; of its goodbye nothing is needed.
    const ours = message.type === 'hello' || message.run === state.plan.run;
    if (!ours || message.type === 'goodbye') return decision(state);
    return decision(state, refuseExpelled(message.worker, expelled));
  }
  switch (message.type) {
    case 'hello':
      return onHello(state, message, nowMs);
    case 'ready':
      return onReady(state, message, nowMs);
    case 'heartbeat':
      return onHeartbeat(state, message, nowMs);
    case 'task_failed':
      return onTaskFailed(state, message, nowMs);
    case 'goodbye':
      return onGoodbye(state, message, nowMs);
    case 'block_request': {
      if (message.run !== state.plan.run) return decision(state);
      const { worker, block, hash } = message;
      return decision(seen(state, worker, nowMs), { type: 'serve_block', worker, block, hash });
    }
    default:
      return assertNever(message);
  }
}

/**
 * After an outage nobody knows what arrived: the queue is emptied and everything outstanding is published again.
 * What was computed meanwhile comes as a twin, which the ledger drops.
 */
function onLinkUp(state: CoordinatorState, nowMs: number): Decision {
  if (state.link.type === 'up') return decision(state);
  const back = patient({ ...state, link: { type: 'up' }, lastAnnounceMs: nowMs }, nowMs);
  const line = 'The connection to the broker is back: everything outstanding is sent again.';
  const called = decision(back, report('info', line), { type: 'purge_tasks' }, { type: 'announce' });
  for (const version of versionsInUse(back)) called.actions.push({ type: 'broadcast_weights', version });
  const again = chain(called, (s) => redispatch(s, () => true, 'link', nowMs));
  const asked = chain(again, (s) => askAll(s, nowMs));
  return chain(asked, (s) => advance(s, nowMs));
}

function onTick(state: CoordinatorState, nowMs: number): Decision {
  // A long time between two ticks was this process's own absence (a suspended machine): nobody else is to blame.
  const absent = nowMs - state.lastTickMs > 2 * state.plan.heartbeatMs;
  const awake = { ...(absent ? patient(state, nowMs) : state), lastTickMs: nowMs };
  const steps = [
    buryTheDead,
    buryReducers,
    lookForWorkers,
    lookForArbiter,
    redispatchSlow,
    askSlow,
    advance,
    reportWait,
  ];
  return steps.reduce(
    (before, step) => chain(before, (s) => (s.phase === 'ended' ? decision(s) : step(s, nowMs))),
    decision(awake),
  );
}

/** Starts every clock anew that measures others' silence. */
function patient(state: CoordinatorState, nowMs: number): CoordinatorState {
  return {
    ...state,
    workers: state.workers.map((entry) => ({ ...entry, lastSeenMs: nowMs })),
    ranges: state.ranges.map((entry) => ({ ...entry, lastSeenMs: nowMs })),
    lastProgressMs: nowMs,
    shortSinceMs: state.shortSinceMs === null ? null : nowMs,
    lastReportMs: nowMs,
  };
}

function onStop(state: CoordinatorState): Decision {
  if (state.phase === 'ending') return decision(state);
  // In the midst of an optimizer step the end waits for it: `advance` sees the outcome.
  if (state.phase === 'performing') return decision({ ...state, outcome: 'stopped' });
  return end(state, 'stopped');
}
