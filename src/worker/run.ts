import { rangesOf, type Task } from '../protocol/index.js';
import type { WorkerAction, WorkerEvent } from './events.js';
import {
  changeRun,
  type HeldTask,
  oldestWanted,
  type RunState,
  takesNewest,
  type WorkerSettings,
  type WorkerState,
} from './state.js';

export function heard(run: RunState, nowMs: number): RunState {
  return { ...run, heardAtMs: nowMs };
}

/** A task arrives: held if it is of use, else acked (its node is done, or of a coordinator that is gone). */
export function onTask(
  before: RunState,
  { delivery, task, missing }: Extract<WorkerEvent, { type: 'task' }>,
  nowMs: number,
  actions: WorkerAction[],
): RunState {
  if (task.run !== before.offer.run || task.fence < before.fence) {
    actions.push({ type: 'settle', delivery, verdict: 'ack' });
    return before;
  }
  const run = heard(
    task.fence > before.fence ? adoptFence(before, task.fence, nowMs, actions) : before,
    nowMs,
  );
  const isStale = !takesNewest(run, task) && task.weightsVersion < oldestWanted(run);
  // Dispatched again because we are slow: the first delivery is still unacked, so this one adds nothing. Not so once its
  // result or its failure is on the way: that may be the reason why it comes again.
  const isTwin = run.tasks.some(
    ({ phase, task: other }) => (phase === 'held' || phase === 'computing') && isSameNode(run, other, task),
  );
  if (isStale || isTwin) {
    actions.push({ type: 'settle', delivery, verdict: 'ack' });
    return run;
  }
  const held: HeldTask = {
    delivery,
    task,
    phase: 'held',
    missing,
    arrivedAtMs: nowMs,
    blocksAtMs: missing.length === 0 ? nowMs : null,
    startedAtMs: null,
    width: 0,
  };
  return { ...run, tasks: [...run.tasks, held] };
}

/** A coordinator started after ours has spoken: what the older one asked for is void, and so are its weights. */
export function adoptFence(run: RunState, fence: number, nowMs: number, actions: WorkerAction[]): RunState {
  const dropped = dropTasks(run, (held) => held.task.fence < fence, actions);
  return { ...dropped, fence, versions: [], readyAtMs: run.joined ? nowMs : run.readyAtMs };
}

/** Weights exist that are so new that every node of a version before `oldest` is done. A result on its way is left alone. */
export function dropOlderTasks(run: RunState, oldest: number, actions: WorkerAction[]): RunState {
  return dropTasks(
    run,
    (held) =>
      !takesNewest(run, held.task) &&
      held.task.weightsVersion < oldest &&
      (held.phase === 'held' || held.phase === 'computing'),
    actions,
  );
}

/** Acks what is dropped; what is on a thread stays in the list until the thread is free. */
function dropTasks(run: RunState, isDropped: (held: HeldTask) => boolean, actions: WorkerAction[]): RunState {
  const tasks: HeldTask[] = [];
  for (const held of run.tasks) {
    if (held.phase === 'abandoned' || !isDropped(held)) {
      tasks.push(held);
      continue;
    }
    actions.push({ type: 'settle', delivery: held.delivery, verdict: 'ack' });
    if (held.phase !== 'computing') continue;
    actions.push({ type: 'abandon', delivery: held.delivery });
    tasks.push({ ...held, phase: 'abandoned' });
  }
  return { ...run, tasks };
}

/** The link is down: the broker gives everything that is unacked to somebody else, and no answer will come. */
export function voidAll(run: RunState, actions: WorkerAction[]): RunState {
  const tasks: HeldTask[] = [];
  for (const held of run.tasks) {
    if (held.phase !== 'abandoned') actions.push({ type: 'forget', delivery: held.delivery });
    if (held.phase === 'computing') actions.push({ type: 'abandon', delivery: held.delivery });
    if (held.phase === 'computing' || held.phase === 'abandoned') tasks.push({ ...held, phase: 'abandoned' });
  }
  return { ...run, tasks, fetches: [] };
}

/** For leaving the run: one verdict for everything that has none yet. */
export function settleAll(run: RunState, verdict: 'ack' | 'requeue', actions: WorkerAction[]): void {
  for (const held of run.tasks)
    if (held.phase !== 'abandoned') actions.push({ type: 'settle', delivery: held.delivery, verdict });
}

export function onBlockStored(run: RunState, block: number, nowMs: number): RunState {
  const tasks = run.tasks.map((held): HeldTask => {
    if (!held.missing.includes(block)) return held;
    const missing = held.missing.filter((other) => other !== block);
    return { ...held, missing, blocksAtMs: missing.length === 0 ? nowMs : null };
  });
  return heard({ ...run, tasks, fetches: run.fetches.filter((fetch) => fetch.block !== block) }, nowMs);
}

/** An error came instead of the block, or nothing at all: once more, or the tasks that need it have failed. */
export function onBlockFailed(
  run: RunState,
  block: number,
  reason: string,
  settings: WorkerSettings,
  nowMs: number,
  actions: WorkerAction[],
): RunState {
  const fetch = run.fetches.find((one) => one.block === block);
  if (fetch === undefined || fetch.sentAtMs === null) return run;
  if (fetch.attempt < settings.fetchAttempts) {
    const retryAtMs = nowMs + settings.fetchRetryMs * fetch.attempt;
    const again = { ...fetch, sentAtMs: null, retryAtMs };
    return { ...run, fetches: run.fetches.map((one) => (one === fetch ? again : one)) };
  }
  const why = `Data block ${block} could not be fetched in ${fetch.attempt} attempts: ${reason}`;
  const tasks = run.tasks.map((held) =>
    held.phase === 'held' && held.missing.includes(block) ? fail(held, why, actions) : held,
  );
  return { ...run, tasks, fetches: run.fetches.filter((one) => one !== fetch) };
}

export function onComputed(run: RunState, delivery: number, actions: WorkerAction[]): RunState {
  const held = run.tasks.find((task) => task.delivery === delivery);
  if (held?.phase === 'abandoned') return removeTask(run, delivery);
  if (held?.phase !== 'computing') return run;
  const blocksAtMs = held.blocksAtMs ?? held.arrivedAtMs;
  const fetchMs = blocksAtMs - held.arrivedAtMs;
  const waitMs = (held.startedAtMs ?? blocksAtMs) - blocksAtMs;
  const takenAtMs = held.arrivedAtMs;
  const { parameterCount, reducers } = run.offer;
  // The newest offer's: a coordinator that was started anew may have another number of reducers.
  const ranges = held.task.mode === 'train' ? rangesOf(parameterCount, reducers) : [];
  actions.push({ type: 'publish', delivery, task: held.task, takenAtMs, fetchMs, waitMs, ranges });
  return replaceTask(run, { ...held, phase: 'publishing' });
}

/** Back to waiting, for a block that has to be fetched again. */
export function onBlockMissing(run: RunState, delivery: number, block: number): RunState {
  const held = run.tasks.find((task) => task.delivery === delivery);
  if (held?.phase === 'abandoned') return removeTask(run, delivery);
  if (held?.phase !== 'computing') return run;
  const waiting = { phase: 'held', missing: [block], blocksAtMs: null, startedAtMs: null, width: 0 } as const;
  return replaceTask(run, { ...held, ...waiting });
}

export function onComputeFailed(
  run: RunState,
  delivery: number,
  reason: string,
  actions: WorkerAction[],
): RunState {
  const held = run.tasks.find((task) => task.delivery === delivery);
  if (held?.phase === 'abandoned') return removeTask(run, delivery);
  return held?.phase === 'computing' ? replaceTask(run, fail(held, reason, actions)) : run;
}

/** Ack after the confirm: a crash in between delivers the task again, and the ledger drops the twin. */
export function onPublished(state: WorkerState, delivery: number, actions: WorkerAction[]): WorkerState {
  if (state.stage.type !== 'run') return state;
  const held = state.stage.run.tasks.find((task) => task.delivery === delivery);
  if (held?.phase !== 'publishing') return state;
  actions.push({ type: 'settle', delivery, verdict: 'ack' });
  const counted = { ...state, images: state.images + held.task.samples.length };
  return changeRun(counted, (run) => removeTask(run, delivery));
}

export function onPublishFailed(
  run: RunState,
  delivery: number,
  reason: string,
  actions: WorkerAction[],
): RunState {
  const held = run.tasks.find((task) => task.delivery === delivery);
  return held?.phase === 'publishing' ? replaceTask(run, fail(held, reason, actions)) : run;
}

/** The failure is on its way to the coordinator, which knows who else could try; there is nothing more to do here. */
export function onFailureSent(run: RunState, delivery: number, actions: WorkerAction[]): RunState {
  const held = run.tasks.find((task) => task.delivery === delivery);
  if (held?.phase !== 'failing') return run;
  actions.push({ type: 'settle', delivery, verdict: 'ack' });
  return removeTask(run, delivery);
}

function fail(held: HeldTask, reason: string, actions: WorkerAction[]): HeldTask {
  const { delivery, task } = held;
  const message = `Step ${task.step}, node ${task.node} (${task.samples.length} samples) failed: ${reason}`;
  actions.push({ type: 'report', level: 'error', message });
  actions.push({ type: 'send_failure', delivery, task, reason });
  return { ...held, phase: 'failing' };
}

function isSameNode(run: RunState, a: Task, b: Task): boolean {
  return (
    a.fence === b.fence &&
    a.step === b.step &&
    a.pass === b.pass &&
    a.node === b.node &&
    a.mode === b.mode &&
    (a.weightsVersion === b.weightsVersion || takesNewest(run, a))
  );
}

function removeTask(run: RunState, delivery: number): RunState {
  return { ...run, tasks: run.tasks.filter((held) => held.delivery !== delivery) };
}

function replaceTask(run: RunState, changed: HeldTask): RunState {
  return {
    ...run,
    tasks: run.tasks.map((held) => (held.delivery === changed.delivery ? changed : held)),
  };
}
