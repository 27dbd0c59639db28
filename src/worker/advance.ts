import { leavesOf, type RunOffer, type Task } from '../protocol/index.js';
import type { WorkerAction } from './events.js';
import { finish } from './membership.js';
import { onBlockFailed, settleAll } from './run.js';
import {
  changeRun,
  type Fetch,
  type HeldTask,
  inHand,
  isSilent,
  type RunState,
  type WorkerSettings,
  type WorkerState,
  weightsFor,
} from './state.js';

/** Starts everything that is possible or due: hellos, fetches, computations, heartbeats, the end of a drain. */
export function advance(state: WorkerState, nowMs: number, actions: WorkerAction[]): WorkerState {
  const { stage, settings } = state;
  if (stage.type === 'lobby') {
    if (state.draining !== null) return finish(state, actions);
    if (state.link === 'down' || nowMs < stage.helloAtMs) return state;
    actions.push({ type: 'hello' });
    return { ...state, stage: { type: 'lobby', helloAtMs: nowMs + settings.helloEveryMs } };
  }
  if (stage.type !== 'run') return state;
  if (state.draining !== null) {
    const drained = advanceDrain(state, stage.run, state.draining, actions);
    if (drained.stage.type !== 'run') return drained;
    return changeRun(drained, (run) => (state.link === 'up' ? heartbeat(run, state, nowMs, actions) : run));
  }
  if (state.link === 'down') return state;
  return changeRun(state, (run) => {
    const fetched = advanceFetches(run, settings, nowMs, actions);
    const started = startComputing(fetched, settings.threads, nowMs, actions);
    return heartbeat(
      sayReady(hello(started, settings, nowMs, actions), settings, nowMs, actions),
      state,
      nowMs,
      actions,
    );
  });
}

/** When `decide` should hear a `tick` at the latest, if nothing else happens; null if only an event can change anything. */
export function nextWakeMs({ stage, settings, link, draining }: WorkerState): number | null {
  if (link === 'down') return null;
  if (stage.type === 'lobby') return stage.helloAtMs;
  if (stage.type !== 'run' || !stage.run.joined) return null;
  const { run } = stage;
  if (draining !== null) return run.heartbeatAtMs;
  const active = run.fetches.filter((fetch) => fetch.sentAtMs !== null).length;
  const times = [run.heartbeatAtMs, run.readyAtMs];
  for (const { sentAtMs, retryAtMs } of run.fetches) {
    if (sentAtMs !== null) times.push(sentAtMs + settings.fetchTimeoutMs);
    else if (active < settings.fetchesAtOnce) times.push(retryAtMs);
  }
  if (run.tasks.length === 0) times.push(Math.max(run.heardAtMs + settings.silentMs, run.helloAtMs));
  return Math.min(...times);
}

/** Finishes what is on the threads, gives back the rest, says goodbye. */
function advanceDrain(
  state: WorkerState,
  run: RunState,
  reason: string,
  actions: WorkerAction[],
): WorkerState {
  const id = run.offer.run;
  const goodbye = (rest: RunState): WorkerState => {
    settleAll(rest, 'requeue', actions);
    actions.push({ type: 'goodbye', run: id, reason }, { type: 'leave', run: id });
    return { ...state, stage: { type: 'leaving', run: id, next: 'done', helloAfterMs: 0 } };
  };
  // Nothing is being computed: the link took it, or the run has not begun for us.
  if (state.link === 'down' || !run.joined) return goodbye(run);
  if (run.tasksPaused === 'no') {
    actions.push({ type: 'pause_tasks', run: id });
    return changeRun(state, (current) => ({ ...current, tasksPaused: 'pausing' }));
  }
  if (run.tasksPaused === 'pausing') return state;
  for (const held of run.tasks)
    if (held.phase === 'held') actions.push({ type: 'settle', delivery: held.delivery, verdict: 'requeue' });
  const tasks = run.tasks.filter((held) => held.phase !== 'held');
  if (tasks.every((held) => held.phase === 'abandoned')) return goodbye({ ...run, tasks });
  return changeRun(state, (current) => ({ ...current, tasks, fetches: [] }));
}

function advanceFetches(
  before: RunState,
  settings: WorkerSettings,
  nowMs: number,
  actions: WorkerAction[],
): RunState {
  let run = before;
  for (const { block, sentAtMs } of before.fetches)
    if (sentAtMs !== null && nowMs - sentAtMs >= settings.fetchTimeoutMs)
      run = onBlockFailed(
        run,
        block,
        `no answer within ${settings.fetchTimeoutMs} ms.`,
        settings,
        nowMs,
        actions,
      );
  const wanted = new Set(run.tasks.flatMap((held) => (held.phase === 'held' ? held.missing : [])));
  const fetches: Fetch[] = run.fetches.filter((fetch) => fetch.sentAtMs !== null || wanted.has(fetch.block));
  for (const fetch of fetches) wanted.delete(fetch.block);
  for (const block of wanted) fetches.push({ block, attempt: 0, sentAtMs: null, retryAtMs: nowMs });
  let active = fetches.filter((fetch) => fetch.sentAtMs !== null).length;
  const sent = fetches.map((fetch): Fetch => {
    if (fetch.sentAtMs !== null || fetch.retryAtMs > nowMs || active >= settings.fetchesAtOnce) return fetch;
    active += 1;
    actions.push({ type: 'request_block', run: run.offer.run, block: fetch.block });
    return { ...fetch, attempt: fetch.attempt + 1, sentAtMs: nowMs };
  });
  return { ...run, fetches: sent };
}

/**
 * The oldest tasks whose weights and samples are here. Where more threads are free than tasks are ready, tasks are shared by several threads,
 * evenly.
 */
function startComputing(run: RunState, threads: number, nowMs: number, actions: WorkerAction[]): RunState {
  const weightsOf = (held: HeldTask): number | null =>
    held.phase === 'held' && held.missing.length === 0 ? weightsFor(run, held.task) : null;
  let ready = run.tasks.filter((held) => weightsOf(held) !== null).length;
  let free = threads;
  for (const held of run.tasks)
    if (held.phase === 'computing' || held.phase === 'abandoned') free -= held.width;
  const tasks = run.tasks.map((held) => {
    const weightsVersion = weightsOf(held);
    if (weightsVersion === null || free <= 0) return held;
    const width = widthOf(held.task, run.offer, Math.floor(free / ready));
    free -= width;
    ready -= 1;
    // What is computed says what it was computed on.
    const task = { ...held.task, weightsVersion };
    actions.push({ type: 'compute', delivery: held.delivery, task, width });
    return { ...held, task, phase: 'computing' as const, startedAtMs: nowMs, width };
  });
  return { ...run, tasks };
}

/**
 * On how many of `share` threads a task is computed: a power of two, since the parts are subtrees of its node. One for a validation, which has a
 * block for each thread; in asynchronous training, where every thread has a step of its own; and where gradients are rounded, which the thread
 * does with the sum of the whole block.
 */
function widthOf({ mode, node }: Task, offer: RunOffer, share: number): number {
  const { microshards, gradientEncoding, newestWeights } = offer;
  // Of a node that the tree does not have, the thread's own refusal tells.
  const isWhole =
    mode === 'evaluate' || newestWeights || gradientEncoding !== 'f32' || node >= 2 * microshards;
  if (isWhole) return 1;
  const most = Math.max(1, Math.min(share, leavesOf(node, microshards).count));
  return 2 ** Math.floor(Math.log2(most));
}

/** `ready` asks for the weights: after joining, and again while they do not come. */
function sayReady(run: RunState, settings: WorkerSettings, nowMs: number, actions: WorkerAction[]): RunState {
  if (!run.joined) return run;
  let { readyAtMs } = run;
  if (readyAtMs <= nowMs) {
    actions.push({ type: 'ready', run: run.offer.run, fence: run.fence });
    readyAtMs = Number.POSITIVE_INFINITY;
  }
  const wantsWeights =
    run.versions.length === 0 ||
    run.tasks.some((held) => held.phase === 'held' && weightsFor(run, held.task) === null);
  if (!wantsWeights) readyAtMs = Number.POSITIVE_INFINITY;
  else if (readyAtMs === Number.POSITIVE_INFINITY) readyAtMs = nowMs + settings.readyEveryMs;
  return { ...run, readyAtMs };
}

/** While the coordinator is silent, anybody who needs a worker may have us. */
function hello(run: RunState, settings: WorkerSettings, nowMs: number, actions: WorkerAction[]): RunState {
  if (!isSilent(run, settings.silentMs, nowMs) || nowMs < run.helloAtMs) return run;
  actions.push({ type: 'hello' });
  return { ...run, helloAtMs: nowMs + settings.helloEveryMs };
}

function heartbeat(run: RunState, state: WorkerState, nowMs: number, actions: WorkerAction[]): RunState {
  if (!run.joined || nowMs < run.heartbeatAtMs) return run;
  const tasks = inHand(run).map((held) => held.task);
  const nodes = tasks.map(({ node }) => node);
  const steps = tasks.map(({ step }) => step);
  const { images } = state;
  actions.push({ type: 'heartbeat', run: run.offer.run, fence: run.fence, nodes, steps, images });
  return { ...run, heartbeatAtMs: nowMs + run.offer.heartbeatMs };
}
