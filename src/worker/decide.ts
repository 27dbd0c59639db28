import { advance } from './advance.js';
import type { WorkerAction, WorkerEvent } from './events.js';
import { finish, giveUpJoining, leave, leaveRun, reportOnce, takeOffer, takeWeights } from './membership.js';
import {
  onBlockFailed,
  onBlockMissing,
  onBlockStored,
  onComputed,
  onComputeFailed,
  onFailureSent,
  onPublished,
  onPublishFailed,
  onTask,
  voidAll,
} from './run.js';
import { changeRun, isRun, type RunState, type WorkerState } from './state.js';

export interface Decision {
  state: WorkerState;
  actions: WorkerAction[];
}

/**
 * The worker's mind: lobby → run → (leaving) → lobby or done. Pure: no clock, no I/O, no randomness; the same inputs
 * give the same decision over RabbitMQ, in process, and in a simulator.
 *
 * First the event is taken in, then everything that has become possible or due at `nowMs` is started.
 *
 * @param nowMs never goes backwards from call to call
 */
export function decide(state: WorkerState, event: WorkerEvent, nowMs: number): Decision {
  const actions: WorkerAction[] = [];
  if (state.stage.type === 'done') return { state, actions };
  return { state: advance(takeIn(state, event, nowMs, actions), nowMs, actions), actions };
}

function takeIn(state: WorkerState, event: WorkerEvent, nowMs: number, actions: WorkerAction[]): WorkerState {
  const inRun = (change: (run: RunState) => RunState): WorkerState => changeRun(state, change);
  switch (event.type) {
    case 'tick':
      return state;
    case 'link_up':
      return linkUp(state, nowMs);
    case 'link_down':
      return changeRun({ ...state, link: 'down' }, (run) => voidAll(run, actions));
    case 'run_gone':
      return isRun(state, event.run) ? leaveRun(state, event.reason, 'ended', actions) : state;
    case 'message':
      return takeMessage(state, event, nowMs, actions);
    case 'joined':
      return isRun(state, event.run) ? inRun((run) => ({ ...run, joined: true, readyAtMs: nowMs })) : state;
    case 'join_failed':
      return isRun(state, event.run) ? giveUpJoining(state, event, actions) : state;
    case 'left':
      if (state.stage.type !== 'leaving' || state.stage.run !== event.run) return state;
      if (state.stage.next === 'done' || state.draining !== null) return finish(state, actions);
      return { ...state, stage: { type: 'lobby', helloAtMs: nowMs + state.stage.helloAfterMs } };
    case 'paused':
      return isRun(state, event.run) ? inRun((run) => ({ ...run, tasksPaused: 'paused' })) : state;
    case 'weights':
      return isRun(state, event.run) ? takeWeights(state, event, nowMs, actions) : state;
    case 'task':
      // Between two runs, or while one is being left: somebody else can compute it.
      if (state.stage.type !== 'run') {
        actions.push({ type: 'settle', delivery: event.delivery, verdict: 'requeue' });
        return state;
      }
      return inRun((run) => onTask(run, event, nowMs, actions));
    case 'block_stored':
      return isRun(state, event.run) ? inRun((run) => onBlockStored(run, event.block, nowMs)) : state;
    case 'block_failed':
      return isRun(state, event.run)
        ? inRun((run) => onBlockFailed(run, event.block, event.reason, state.settings, nowMs, actions))
        : state;
    case 'computed':
      return inRun((run) => onComputed(run, event.delivery, actions));
    case 'block_missing':
      return inRun((run) => onBlockMissing(run, event.delivery, event.block));
    case 'compute_failed':
      return inRun((run) => onComputeFailed(run, event.delivery, event.reason, actions));
    case 'published':
      return onPublished(state, event.delivery, actions);
    case 'publish_failed':
      return inRun((run) => onPublishFailed(run, event.delivery, event.reason, actions));
    case 'failure_sent':
      return inRun((run) => onFailureSent(run, event.delivery, actions));
    case 'drain':
      return drain(state, event.reason, actions);
    default:
      return assertNever(event);
  }
}

function takeMessage(
  state: WorkerState,
  { message }: Extract<WorkerEvent, { type: 'message' }>,
  nowMs: number,
  actions: WorkerAction[],
): WorkerState {
  switch (message.type) {
    case 'announce': {
      const { stage, settings } = state;
      if (settings.run !== null && message.run !== settings.run) return state;
      if (stage.type === 'lobby') return { ...state, stage: { ...stage, helloAtMs: nowMs } };
      // A coordinator of our own run that does not know us was started again, with a higher fence.
      if (stage.type === 'run' && stage.run.joined && stage.run.offer.run === message.run)
        actions.push({ type: 'hello' });
      return state;
    }
    case 'offer':
      return takeOffer(state, message, nowMs, actions);
    case 'refuse': {
      if (state.settings.run !== null && message.run !== state.settings.run) return state;
      const told = reportOnce(state, 'warn', `Run ${message.run} turned us away: ${message.reason}`, actions);
      if (!isRun(state, message.run)) return told;
      return leave(
        told,
        { next: 'lobby', helloAfterMs: state.settings.rejoinMs, verdict: 'requeue' },
        actions,
      );
    }
    case 'drain':
      if (!isRun(state, message.run) || message.worker !== state.settings.worker) return state;
      return drain(state, 'the coordinator asked for it', actions);
    case 'drain_request':
      return message.worker === state.settings.worker ? drain(state, message.reason, actions) : state;
    case 'end_of_run': {
      if (!isRun(state, message.run)) return state;
      if (state.stage.type === 'run' && message.fence < state.stage.run.fence) return state;
      return leaveRun(state, message.reason || message.outcome, 'ended', actions);
    }
    default:
      return assertNever(message);
  }
}

/** The link declares and consumes again by itself; what the coordinator thinks of us after that is for it to say. */
function linkUp(state: WorkerState, nowMs: number): WorkerState {
  const up: WorkerState = { ...state, link: 'up' };
  if (up.stage.type === 'lobby') return { ...up, stage: { ...up.stage, helloAtMs: nowMs } };
  return changeRun(up, (run) => ({
    ...run,
    heardAtMs: Number.NEGATIVE_INFINITY,
    readyAtMs: run.joined ? nowMs : run.readyAtMs,
    helloAtMs: nowMs + state.settings.helloEveryMs,
  }));
}

function drain(state: WorkerState, reason: string, actions: WorkerAction[]): WorkerState {
  if (state.draining !== null) return state;
  actions.push({ type: 'report', level: 'info', message: `Draining: ${reason}.` });
  return { ...state, draining: reason };
}

function assertNever(value: never): never {
  throw new TypeError(`Not a known event: ${JSON.stringify(value)}`);
}
