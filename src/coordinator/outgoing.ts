import { type Encoding, encodedBytes } from '../engine/index.js';
import { asBytes, type RangeOffer, type RunOffer, type Task, type Weights } from '../protocol/index.js';
import type { CoordinatorConfig } from './config.js';
import type { UnitKey } from './decide/actions.js';
import { versionsToSend } from './decide/membership.js';
import type { CoordinatorState } from './decide/state.js';
import { stalenessBound } from './mode.js';
import type { PreparedRun } from './prepare.js';
import { leafSamples } from './spec.js';
import type { Trainer } from './trainer.js';
import { meaningOf, versionsBack } from './weights-version.js';

/** Rounding to the nearest draws nothing. */
const noStream = new Int32Array(4);
const noSamples = new Uint32Array(0);

/**
 * What goes out to workers with the run's tensors, samples and settings in it. Of offers, and of weights of one version, there is one message for all who
 * get it.
 */
export interface OutgoingMessages {
  /** What a worker must know to take part. */
  offer(): RunOffer;
  /** The same for the reducer of a range. */
  rangeOffer(range: number): RangeOffer;
  /** Those of this version, or, where the trainer is past it, the newest that anybody needs. */
  weights(version: number): Weights;
  task(unit: UnitKey, weightsVersion: number, attempt: number): Task;
  /** The samples of a block, by name. */
  sampleNames(unit: UnitKey): string[];
}

/** `state`: as it is at the moment of asking. */
export function outgoingMessages(
  config: CoordinatorConfig,
  run: PreparedRun,
  state: () => CoordinatorState,
): OutgoingMessages {
  const { spec, pack, kernels } = config;
  const { trainer, curriculum, fence } = run;
  const { run: runId } = run.file;
  const microshardSamples = leafSamples(spec);
  const written = (version: number): { encoding: Encoding; parameters: Uint8Array } => {
    const { step, averaged } = meaningOf(trainer.averages, version);
    const values = averaged ? trainer.evaluated() : (trainer.parametersAfter(step) ?? trainer.parameters());
    const { weightsDtype } = spec;
    if (averaged || weightsDtype === undefined) return { encoding: 'f32', parameters: asBytes(values) };
    // Never written again: workers of this process hold them by reference.
    const bytes = new Uint8Array(encodedBytes(weightsDtype, values.length));
    kernels.encode(bytes, values, weightsDtype, noStream);
    return { encoding: weightsDtype, parameters: bytes };
  };
  const nextSamplesOf = ({ mode, step, pass, node }: UnitKey): Uint32Array => {
    const isLast = (step + 1) % curriculum.stepsPerEpoch === 0;
    // As they are, images are not made ready (src/worker/inputs.ts): the hint would only make the task larger.
    if (mode === 'evaluate' || isLast || spec.augmentation === undefined) return noSamples;
    return curriculum.samplesOf({ mode, step: step + 1, pass, node });
  };
  const makeOffer = (): RunOffer => ({
    type: 'offer',
    run: runId,
    fence,
    seed: spec.seed,
    microshards: spec.microshards,
    microshardSamples,
    numericsId: kernels.numericsId,
    modelSpecJson: JSON.stringify(run.model.spec),
    manifestJson: JSON.stringify(pack.manifest),
    parameterCount: run.model.parameterCount,
    heartbeatMs: config.heartbeatMs,
    coordinatorVersion: config.version,
    staleness: versionsBack(trainer.averages, spec.delay ?? 0),
    newestWeights: stalenessBound(spec) !== null,
    reducers: run.ranges.length,
    ...run.instructions,
  });
  let offer: RunOffer | null = null;
  /** By version: those that the trainer still has. */
  const made = new Map<number, Weights>();
  return {
    offer: () => (offer ??= makeOffer()),
    rangeOffer: (range) => ({
      type: 'range_offer',
      run: runId,
      fence,
      range,
      ranges: run.ranges.length,
      parameterCount: run.model.parameterCount,
      heartbeatMs: config.heartbeatMs,
    }),
    weights(version) {
      // It had to wait behind the emptying of the tasks queue, and a result has ended the step.
      const sent = isHeld(trainer, version) ? version : Math.max(...versionsToSend(state()));
      for (const old of made.keys()) if (!isHeld(trainer, old)) made.delete(old);
      const message = made.get(sent) ?? {
        type: 'weights',
        run: runId,
        fence,
        version: sent,
        ...written(sent),
      };
      made.set(sent, message);
      return message;
    },
    task: ({ mode, step, pass, node }, version, attempt) => ({
      type: 'task',
      run: runId,
      fence,
      step,
      pass,
      weightsVersion: version,
      node,
      mode,
      samples: curriculum.samplesOf({ mode, step, pass, node }),
      attempt,
      evaluationSamples: mode === 'train' ? microshardSamples : curriculum.evaluationLeafSamples,
      epoch: Math.floor(step / curriculum.stepsPerEpoch),
      nextSamples: nextSamplesOf({ mode, step, pass, node }),
    }),
    sampleNames: (unit) => [...curriculum.samplesOf(unit)].map((index) => pack.names(index)),
  };
}

/** Whether the trainer (still) has these weights. */
function isHeld(trainer: Trainer, version: number): boolean {
  const { step, averaged } = meaningOf(trainer.averages, version);
  return averaged ? step === trainer.version() : trainer.parametersAfter(step) !== null;
}
