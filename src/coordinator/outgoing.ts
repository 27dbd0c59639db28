import { asBytes, type RunOffer, type Task, type Weights } from '../protocol/index.js';
import type { CoordinatorConfig } from './config.js';
import type { UnitKey } from './decide/actions.js';
import type { PreparedRun } from './prepare.js';
import type { Trainer } from './trainer.js';
import { meaningOf, versionsBack, weightsVersion } from './weights-version.js';

/** What goes out to workers with the run's tensors, samples and settings in it. */
export interface OutgoingMessages {
  /** What a worker must know to take part. */
  offer(): RunOffer;
  /** Those of this version, or, where the trainer is past it, the newest parameters: nobody needs the others any more. */
  weights(version: number): Weights;
  task(unit: UnitKey, weightsVersion: number, attempt: number): Task;
  /** The samples of a block, by name. */
  sampleNames(unit: UnitKey): string[];
}

export function outgoingMessages(config: CoordinatorConfig, run: PreparedRun): OutgoingMessages {
  const { spec, pack, kernels } = config;
  const { trainer, curriculum, fence } = run;
  const { run: runId } = run.file;
  const microshardSamples = spec.batch / spec.microshards;
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
      staleness: versionsBack(trainer.averages, spec.delay ?? 0),
      ...run.instructions,
    }),
    weights(version) {
      const wanted = valuesOf(trainer, version);
      if (wanted !== null)
        return { type: 'weights', run: runId, fence, version, parameters: asBytes(wanted) };
      const newest = weightsVersion(trainer.averages, 'train', trainer.version());
      return {
        type: 'weights',
        run: runId,
        fence,
        version: newest,
        parameters: asBytes(trainer.parameters()),
      };
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
      evaluationSamples: microshardSamples,
      epoch: Math.floor(step / curriculum.stepsPerEpoch),
    }),
    sampleNames: (unit) => [...curriculum.samplesOf(unit)].map((index) => pack.names(index)),
  };
}

/** f32[parameterCount]; null for a version that the trainer does not hold (any more). */
function valuesOf(trainer: Trainer, version: number): Float32Array | null {
  const { step, averaged } = meaningOf(trainer.averages, version);
  if (!averaged) return trainer.parametersAfter(step);
  return step === trainer.version() ? trainer.evaluated() : null;
}
