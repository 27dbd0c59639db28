import { type Encoding, encodedBytes } from '../engine/index.js';
import { asBytes, type RunOffer, type Task, type Weights } from '../protocol/index.js';
import type { CoordinatorConfig } from './config.js';
import type { UnitKey } from './decide/actions.js';
import type { Front } from './decide/state.js';
import type { PreparedRun } from './prepare.js';
import { leafSamples } from './spec.js';
import { weightsVersion as versionAt } from './weights-version.js';

/** Rounding to the nearest draws nothing. */
const noStream = new Int32Array(4);

/** What goes out to workers with the run's tensors, samples and settings in it. */
export interface OutgoingMessages {
  /** What a worker must know to take part. */
  offer(): RunOffer;
  /** Those of the front that is open, unless the trainer is past it: then, and without a front, those of the next step. */
  weights(front: Front | null): Weights;
  task(unit: UnitKey, weightsVersion: number, attempt: number): Task;
  /** The samples of a block, by name. */
  sampleNames(unit: UnitKey): string[];
}

export function outgoingMessages(config: CoordinatorConfig, run: PreparedRun): OutgoingMessages {
  const { spec, pack, kernels } = config;
  const { trainer, curriculum, fence } = run;
  const { run: runId } = run.file;
  const microshardSamples = leafSamples(spec);
  /** Once for each version, however many ask; never written again, since workers of this process hold it by reference. */
  let rounded: { version: number; bytes: Uint8Array } | null = null;
  const toTrainWith = (): { encoding: Encoding; parameters: Uint8Array } => {
    const { weightsDtype } = spec;
    const parameters = trainer.parameters();
    if (weightsDtype === undefined) return { encoding: 'f32', parameters: asBytes(parameters) };
    const version = trainer.version();
    if (rounded?.version !== version) {
      const bytes = new Uint8Array(encodedBytes(weightsDtype, parameters.length));
      kernels.encode(bytes, parameters, weightsDtype, noStream);
      rounded = { version, bytes };
    }
    return { encoding: weightsDtype, parameters: rounded.bytes };
  };
  return {
    offer: () => ({
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
      ...run.instructions,
    }),
    weights(front) {
      const { averages } = trainer;
      const step = trainer.version();
      const averaged = versionAt(averages, 'evaluate', step);
      const current =
        averages && front?.weightsVersion === averaged
          ? { version: averaged, encoding: 'f32' as const, parameters: asBytes(trainer.evaluated()) }
          : { version: versionAt(averages, 'train', step), ...toTrainWith() };
      return { type: 'weights', run: runId, fence, ...current };
    },
    task: ({ mode, step, pass, node }, weightsVersion, attempt) => ({
      type: 'task',
      run: runId,
      fence,
      step,
      pass,
      weightsVersion,
      node,
      mode,
      samples: curriculum.samplesOf({ mode, step, pass, node }),
      attempt,
      evaluationSamples: microshardSamples,
      epoch: Math.floor(step / curriculum.stepsPerEpoch),
    }),
    sampleNames: (unit) => [...curriculum.samplesOf(unit)].map((index) => pack.names(index)),
  };
}
