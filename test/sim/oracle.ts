import type { Action, Decision, UnitKey } from '../../src/coordinator/decide/actions.js';
import type { CoordinatorEvent } from '../../src/coordinator/decide/events.js';
import type { FrontKey } from '../../src/coordinator/decide/fronts.js';
import { inFlight, isAsynchronous } from '../../src/coordinator/decide/staleness.js';
import {
  type CoordinatorState,
  passSamples,
  type RunPlan,
  stepsPerEpoch,
} from '../../src/coordinator/decide/state.js';
import { isReproducible, type TrainingSpec } from '../../src/coordinator/spec.js';
import type { StepWork } from '../../src/coordinator/step-work.js';
import type { Trainer } from '../../src/coordinator/trainer.js';
import { fingerprint } from '../../src/engine/index.js';
import type { BrokerMessage } from './broker.js';
import type { SimProcess } from './clock.js';
import { CountedLeaves } from './counted-leaves.js';
import { HandedIn } from './handed-in.js';
import { Lineage } from './lineage.js';

/** What must hold at every moment of every schedule. */
export type Invariant =
  /** After each step the parameters have the bits of the run with one worker and no fault; at the end, model and history too. */
  | 'same bits'
  /** Every microshard of a step counts once, before the step is applied, and every step once in the parameters, whoever died in between. */
  | 'each once'
  /** In asynchronous training no gradient is applied that misses more updates than it may. */
  | 'not too stale'
  /** What is folded is of this run, fence, step and version, has the right length, and is finite. */
  | 'fits'
  /** A task is acked only when its result is with the broker, or nobody needs it any more. */
  | 'ack after confirm'
  /** Every start of a coordinator has a higher fence than all before it. */
  | 'fence rises'
  /** With everybody there that is needed, some block is accepted within the bound. */
  | 'progress'
  /** State and sums stay within bounds that know the cut, and neither workers nor steps. */
  | 'memory'
  /** No process dies of an error that nobody expected, and no run stops that could go on. */
  | 'no crash'
  /** Honest workers are never accused of computing wrongly. */
  | 'no false alarm';

export interface Violation {
  invariant: Invariant;
  what: string;
  atMs: number;
}

/** What the undisturbed run came to. */
export interface Expected {
  /** Fingerprint of the parameters of each version. */
  versions: string[];
  modelSha256: string;
  /** History and optimizer, as the last checkpoint has them. */
  rest: string;
}

/**
 * Of the weights that work has to be done with: those that the step `delay` before it began with, or its epoch if that is later. Where what is
 * validated is other than what is trained, it is what has the even numbers.
 */
function versionOf({ mode, step }: FrontKey, plan: RunPlan): number {
  if (mode === 'evaluate') return plan.averages ? 2 * (step + 1) : step + 1;
  const epochBegan = step - (step % stepsPerEpoch(plan));
  const begun = Math.max(epochBegan, step - plan.delay);
  return plan.averages ? 2 * begun + 1 : begun;
}

/** Whole steps behind weights that were trained on; NaN for others. */
function stepsBehind(version: number, { averages }: RunPlan): number {
  if (!averages) return version;
  return version % 2 === 1 ? (version - 1) / 2 : Number.NaN;
}

/** Samples of a training step. */
function samplesOf(step: number, plan: RunPlan): number {
  const full = plan.microshards * plan.microshardSamples;
  return Math.min(full, plan.trainSamples - (step % stepsPerEpoch(plan)) * full);
}

const blocksOf = (fronts: readonly { units: unknown[] }[]): number =>
  Math.max(0, ...fronts.map(({ units }) => units.length));

/** Of parameters, whoever holds them. */
const nameOf = (trainer: Trainer): string =>
  `${trainer.version()}/${fingerprint(trainer.parameters(), 0, 0).hash}`;

/** Sees everything, and knows what must not be. */
export class Oracle {
  violation: Violation | null = null;
  /** Fingerprints seen, for a run that others are compared with. */
  readonly versions: string[] = [];
  accepted = 0;
  redispatched = 0;
  rejected = 0;
  coordinatorStarts = 0;
  /** Largest number of gradient buffers so far. */
  buffers = 0;
  /** Longest wait so far for a block to be accepted while everybody was there: with damaged messages, and without. */
  longestWaitMs = { calm: 0, damaged: 0 };
  lastProgressMs = 0;
  hadSickWorkers = false;
  readonly #now: () => number;
  readonly #expected: Expected | null;
  #state: CoordinatorState | null = null;
  #highestFence = 0;
  readonly #counted = new CountedLeaves();
  readonly #handedIn = new HandedIn();
  readonly #lineage = new Lineage();
  /** Weights that the asynchronous gradients are of which are folded and not applied yet, by step. */
  readonly #foldedOn = new Map<number, number>();
  /** Largest number of asynchronous steps that there was room for. */
  #mostInFlight = 0;

  constructor(now: () => number, expected: Expected | null) {
    this.#now = now;
    this.#expected = expected;
  }

  fail(invariant: Invariant, what: string): void {
    this.violation ??= { invariant, what, atMs: this.#now() };
  }

  progressed(): void {
    this.lastProgressMs = this.#now();
  }

  /** After each decision of a coordinator. */
  decided(state: CoordinatorState, event: CoordinatorEvent, { actions }: Decision): void {
    if (event.type === 'started') {
      this.coordinatorStarts += 1;
      const { fence } = state.plan;
      if (fence <= this.#highestFence)
        this.fail('fence rises', `a coordinator starts with fence ${fence} after ${this.#highestFence}`);
      this.#highestFence = Math.max(this.#highestFence, fence);
    }
    if (state.plan.fence === this.#highestFence) this.#state = state;
    if (state.plan.staleness !== null) this.#mostInFlight = Math.max(this.#mostInFlight, inFlight(state));
    for (const action of actions) this.#look(action, state);
    this.#checkSize(state);
  }

  #look(action: Action, state: CoordinatorState): void {
    const { type } = action;
    if (type === 'accept') this.accepted += 1;
    if (type === 'accept' || type === 'apply_step' || type === 'record_epoch') this.progressed();
    if (type === 'publish_task' && action.cause !== 'first') this.redispatched += 1;
    if (type === 'reject') this.rejected += 1;
    // It was asked to stop while the disk was full.
    if (type === 'fail' && action.cause.type === 'unsaved') return;
    if (this.hadSickWorkers) return;
    if (type === 'alarm')
      this.fail('no false alarm', `alarm about ${action.workers.join(' and ')} in step ${action.unit.step}`);
    if (type === 'expelled') this.fail('no false alarm', action.line);
    if (type === 'fail')
      this.fail('no crash', `the run stops at step ${state.position.step}: ${JSON.stringify(action.cause)}`);
  }

  /** Stands between a coordinator and its sums. */
  watch(work: StepWork, trainer: Trainer, state: () => CoordinatorState | null): StepWork {
    return {
      open: (front, passes) => {
        this.#counted.open(front);
        work.open(front, passes);
      },
      fold: (unit, arrived) => {
        this.#checkFit(arrived.header, unit, state());
        this.#foldedOn.set(unit.step, arrived.header.weightsVersion);
        this.#checkOnce(unit, state());
        work.fold(unit, arrived);
        this.#checkBuffers(work.buffers, state());
      },
      foldEmpty: (unit) => {
        this.#checkOnce(unit, state());
        work.foldEmpty(unit);
      },
      apply: (step) => {
        this.#checkWhole(step, trainer.version(), state());
        this.#checkStaleness(step, trainer.version(), state());
        const before = nameOf(trainer);
        const applied = work.apply(step);
        this.#checkSamples(step, applied.sums.samples, state());
        this.#checkLineage(this.#lineage.applied(before, nameOf(trainer), step));
        this.#checkVersion(trainer.version(), trainer.parameters());
        return applied;
      },
      forget: (unit) => {
        const plan = state()?.plan;
        if (plan !== undefined) this.#counted.forget(unit, plan.microshards);
        work.forget(unit);
      },
      reduced: work.reduced,
      takeEvaluation: () => work.takeEvaluation(),
      get buffers() {
        return work.buffers;
      },
    };
  }

  /** The parameters that a coordinator starts with. */
  startsWith(trainer: Trainer, spec: TrainingSpec): void {
    this.#checkVersion(trainer.version(), trainer.parameters());
    if (!isReproducible(spec))
      this.#checkLineage(this.#lineage.starts(nameOf(trainer), trainer.version(), trainer.ahead()));
  }

  #checkLineage(wrong: string | null): void {
    if (wrong !== null) this.fail('each once', wrong);
  }

  /** `version`: that of the parameters which the gradient is applied to. */
  #checkStaleness(step: number, version: number, state: CoordinatorState | null): void {
    const staleness = state?.plan.staleness ?? null;
    const foldedOn = this.#foldedOn.get(step) ?? Number.NaN;
    this.#foldedOn.delete(step);
    if (state === null) return;
    const missed = version - stepsBehind(foldedOn, state.plan);
    if (staleness !== null && !(missed >= 0 && missed <= staleness))
      this.fail('not too stale', `step ${step} misses ${missed} updates, ${staleness} are allowed`);
  }

  /** `rest`: history and optimizer as text; null if the last checkpoint has been damaged since. */
  finished(modelSha256: string, rest: string | null): void {
    if (this.#expected === null) return;
    if (modelSha256 !== this.#expected.modelSha256) this.fail('same bits', 'the model differs at the end');
    if (rest !== null && rest !== this.#expected.rest)
      this.fail('same bits', 'optimizer or history differ at the end');
  }

  /** A queue has taken a message. */
  enqueued(message: BrokerMessage): void {
    this.#handedIn.enqueued(message);
  }

  /** A worker has acked a task; `hasTwin`: because it had another delivery of the same block in hand. */
  acked(
    message: BrokerMessage,
    process: SimProcess,
    damaged: boolean,
    hasTwin: (name: string) => boolean,
  ): void {
    if (message.properties.type !== 'task' || damaged || this.#state === null) return;
    const wrong = this.#handedIn.acked(message, process.name, this.#state, hasTwin);
    if (wrong !== null) this.fail('ack after confirm', wrong);
  }

  #checkFit(
    header: { fence: number; step: number; weightsVersion: number; gradientLength: number; finite: boolean },
    unit: FrontKey,
    state: CoordinatorState | null,
  ): void {
    if (state === null) return;
    const { plan } = state;
    const length = unit.mode === 'train' ? plan.parameterCount : 0;
    // Of an asynchronous gradient the bound is what counts.
    const version = isAsynchronous(plan, unit.mode) ? header.weightsVersion : versionOf(unit, plan);
    const wrong = [
      header.fence === plan.fence ? [] : [`fence ${header.fence} instead of ${plan.fence}`],
      header.step === unit.step ? [] : [`step ${header.step} instead of ${unit.step}`],
      header.weightsVersion === version ? [] : [`version ${header.weightsVersion} instead of ${version}`],
      header.gradientLength === length ? [] : [`${header.gradientLength} values instead of ${length}`],
      header.finite ? [] : ['values that are not finite'],
    ].flat();
    if (wrong.length > 0) this.fail('fits', `a result is folded with ${wrong.join(', ')}`);
  }

  #checkOnce(unit: UnitKey, state: CoordinatorState | null): void {
    if (state === null) return;
    for (const leaf of this.#counted.count(unit, state.plan.microshards))
      this.fail('each once', `microshard ${leaf} counts twice in step ${unit.step}`);
  }

  /** `version`: that of the parameters which it is applied to. */
  #checkWhole(step: number, version: number, state: CoordinatorState | null): void {
    if (state === null) return;
    const counted = this.#counted.close(step);
    if (counted !== state.plan.microshards)
      this.fail('each once', `step ${step} is applied with ${counted} microshards`);
    if (step !== version && state.plan.staleness === null)
      this.fail('fits', `step ${step} is applied to version ${version}`);
  }

  #checkSamples(step: number, samples: number, state: CoordinatorState | null): void {
    if (state === null) return;
    const expected = samplesOf(step, state.plan);
    if (samples !== expected)
      this.fail('each once', `step ${step} is applied with ${samples} samples instead of ${expected}`);
  }

  #checkVersion(version: number, parameters: Float32Array): void {
    const { hash } = fingerprint(parameters, 0, 0);
    this.versions[version] = hash;
    if (this.#expected !== null && this.#expected.versions[version] !== hash)
      this.fail('same bits', `the parameters before step ${version} differ`);
  }

  /** tree-sum.ts: waiting nodes have no waiting sibling, so there are at most half as many as blocks; one more is being added. */
  #checkBuffers(buffers: number, state: CoordinatorState | null): void {
    this.buffers = Math.max(this.buffers, buffers);
    if (state === null) return;
    const { microshards, delay, staleness } = state.plan;
    // An asynchronous step is one gradient.
    const bound = staleness === null ? (1 + delay) * (microshards / 2 + 1) : this.#mostInFlight + 1;
    if (buffers > bound)
      this.fail(
        'memory',
        `${buffers} gradients are held, ${bound} are enough for ${microshards} microshards and a delay of ${delay}`,
      );
  }

  #checkSize(state: CoordinatorState): void {
    const { fronts, closed, durations, gone, plan } = state;
    const most = 1 + plan.delay;
    const passes = Math.ceil(plan.validationSamples / passSamples(plan, 'evaluate'));
    const blocks = Math.max(1, passes) * plan.microshards;
    const open = plan.staleness === null ? most : this.#mostInFlight;
    const sizes: [what: string, size: number, bound: number][] = [
      ['open fronts', fronts.length, fronts[0]?.mode === 'evaluate' ? 1 : open],
      ['closed fronts', closed.length, most],
      ['blocks of an open front', blocksOf(fronts), blocks],
      ['blocks of a closed front', blocksOf(closed), blocks],
      ['remembered times', durations.train.length + durations.evaluate.length, 128],
      ['workers that are gone', gone.length, 64],
    ];
    for (const [what, size, bound] of sizes)
      if (size > bound) this.fail('memory', `${size} ${what}, at most ${bound} are expected`);
  }
}
