import type { Mode } from '../../protocol/index.js';
import { firstLeft } from '../ahead.js';
import { chooseCut, samplesOfBlock, threadsPerBlock } from '../cut.js';
import { weightsStep, weightsVersion } from '../weights-version.js';
import { type Action, chain, type Decision, decision } from './actions.js';
import { isAudited } from './audit.js';
import { publication } from './dispatch.js';
import { type FrontKey, frontOf, isWhole, keyOf, putFront, versionsInUse } from './fronts.js';
import { inFlight, isAsynchronous, newestVersion, oldestUseful } from './staleness.js';
import {
  type CoordinatorState,
  type Front,
  leafSamples,
  passSamples,
  readyThreads,
  readyWorkers,
  stepsPerEpoch,
  type Unit,
} from './state.js';

/** Opens the training steps that may be in flight and are not yet: the next one, and `delay` more of its epoch. */
export function openTraining(state: CoordinatorState, nowMs: number): Decision {
  const { plan, position, fronts } = state;
  const perEpoch = stepsPerEpoch(plan);
  const endOfEpoch = position.step - (position.step % perEpoch) + perEpoch;
  if (plan.staleness !== null) return openAsynchronous(state, endOfEpoch, nowMs);
  const end = Math.min(endOfEpoch, position.step + 1 + plan.delay);
  let opened = decision(state);
  for (let step = position.step + fronts.length; step < end; step++)
    opened = chain(opened, (s) => openFront(s, { mode: 'train', step }, false, nowMs));
  return opened;
}

/** The newest weights out, if they are not yet; then steps of the epoch that are neither done nor open, while workers have room for them. */
function openAsynchronous(state: CoordinatorState, endOfEpoch: number, nowMs: number): Decision {
  const version = newestVersion(state);
  let opened = decision({ ...state, broadcastVersion: version });
  if (state.broadcastVersion !== version) opened.actions.push({ type: 'broadcast_weights', version });
  const taken = new Set([...state.position.ahead, ...state.fronts.map(({ step }) => step)]);
  let room = inFlight(state) - state.fronts.filter((front) => !isWhole(front)).length;
  for (let step = firstLeft(state.position); step < endOfEpoch && room > 0; step++) {
    if (taken.has(step)) continue;
    room -= 1;
    opened = chain(opened, (s) => openFront(s, { mode: 'train', step }, false, nowMs));
  }
  return opened;
}

/** Opens the validation of the epoch that the last step ended. */
export function openEvaluation(state: CoordinatorState, nowMs: number): Decision {
  return openFront(state, { mode: 'evaluate', step: state.position.step - 1 }, false, nowMs);
}

/** Weights out, blocks out. `suspect`: every block twice. */
export function openFront(
  state: CoordinatorState,
  { mode, step }: FrontKey,
  suspect: boolean,
  nowMs: number,
): Decision {
  const { plan } = state;
  const key = { mode, step };
  const size = sizeOf(state, key);
  const version = versionFor(state, key);
  const front: Front = {
    ...key,
    ...size,
    weightsVersion: version,
    cut: isAsynchronous(plan, mode)
      ? wholeTree
      : chooseCut(plan.microshards, leafSamples(plan, mode), size.samples, blocksWanted(state, mode)),
    openedPasses: 0,
    units: [],
    suspect,
    reduction: null,
  };
  const opened = decision(
    { ...putFront(state, front), lastProgressMs: nowMs },
    { type: 'open_front', ...key, passes: size.passes },
  );
  // Before all else, since everybody waits for them. The first steps of an epoch have theirs in common; asynchronous ones are out already.
  const isOut = isAsynchronous(plan, mode) || versionsInUse(state).includes(version);
  if (!isOut) opened.actions.unshift({ type: 'broadcast_weights', version });
  return chain(opened, (s) => fillFront(s, key, nowMs));
}

/** An asynchronous step is one block: the gradient of one worker, for the whole batch. */
const wholeTree = [1];

/**
 * Blocks for a full batch. A block of training costs a gradient on the wire, so threads that can share one do: a worker adds up what its
 * threads computed, and sends one sum. A validation sends none, and is balanced best with a block for each thread.
 */
function blocksWanted(state: CoordinatorState, mode: Mode): number {
  if (mode === 'evaluate') return readyThreads(state);
  const threads = readyWorkers(state).map((entry) => entry.threads);
  return state.plan.gradientBlocks ?? readyThreads(state) / threadsPerBlock(threads);
}

function sizeOf({ plan }: CoordinatorState, { mode, step }: FrontKey): Pick<Front, 'samples' | 'passes'> {
  const most = passSamples(plan, mode);
  if (mode === 'evaluate')
    return { samples: plan.validationSamples, passes: Math.ceil(plan.validationSamples / most) };
  const before = (step % stepsPerEpoch(plan)) * most;
  return { samples: Math.min(most, plan.trainSamples - before), passes: 1 };
}

function versionFor(state: CoordinatorState, { mode, step }: FrontKey): number {
  const { plan } = state;
  if (isAsynchronous(plan, mode)) return oldestUseful(state);
  const stepsDone = mode === 'evaluate' ? step + 1 : weightsStep(step, stepsPerEpoch(plan), plan.delay);
  return weightsVersion(plan.averages, mode, stepsDone);
}

/** Opens passes as long as few blocks are outstanding: one in training, a window of them in validation. */
export function fillFront(state: CoordinatorState, key: FrontKey, nowMs: number): Decision {
  const front = frontOf(state, key);
  if (front === undefined) return decision(state);
  const { plan } = state;
  const window = Math.max(8, 4 * readyThreads(state));
  let outstanding = front.units.filter((unit) => unit.accepted === null).length;
  let { openedPasses } = front;
  const units = [...front.units];
  const actions: Action[] = [];
  while (openedPasses < front.passes && outstanding < window) {
    const before = openedPasses * passSamples(plan, front.mode);
    const pass = front.mode === 'train' ? 0 : openedPasses + 1;
    for (const node of front.cut) {
      const inPass = Math.min(passSamples(plan, front.mode), front.samples - before);
      const perLeaf = leafSamples(plan, front.mode);
      const samples = samplesOfBlock(node, plan.microshards, perLeaf, inPass).count;
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
  return { state: putFront(state, { ...front, units, openedPasses }), actions };
}
