import { parseTrainingSpec, type TrainingSpec } from '../../src/coordinator/spec.js';
import { defaultPreprocessing, type Preprocessing } from '../../src/data/index.js';

/** Samples of a full microshard: what the protocol asks for at least. */
export const perMicroshard = 16;

/** Parts of a training spec that change what is sent, kept or validated. */
export type OptionChoice = Pick<
  TrainingSpec,
  'averaging' | 'weightsDtype' | 'gradients' | 'keep' | 'patience'
> & {
  /** More of the samples than usual. */
  validate?: { fraction: number };
  /** Steps of a replica between two averagings, in local SGD; absent: there are none. */
  localSteps?: number;
};

/** What of a run fixes its bits; everything else of a schedule must not matter. */
export interface WorldChoice {
  microshards: number;
  stepsPerEpoch: number;
  epochs: number;
  validates: boolean;
  optimizer: 'sgd' | 'adam';
  seed: number;
  /** Steps that a gradient is late by. */
  delay: number;
  /** Updates that a gradient may miss in asynchronous training; null: steps have an order, and the run has bits of its own. */
  staleness: number | null;
  /** Some hundred parameters instead of six: enough for two ranges. */
  wide: boolean;
  /** What is plain is absent. */
  options: OptionChoice;
}

/** Smaller than any image may be. */
export const smallImages: Preprocessing = { ...defaultPreprocessing, width: 2, height: 1 };

/** @throws TrainingSpecError for what cannot be together, as everywhere */
export function specOf(choice: WorldChoice): TrainingSpec {
  const { microshards, seed, options } = choice;
  const { localSteps = null, ...parts } = options;
  const layers = [
    { type: 'flatten' },
    ...(choice.wide ? [{ type: 'linear', units: 64 }] : []),
    { type: 'linear', units: 2 },
    { type: 'softmax' },
  ];
  const spec = parseTrainingSpec({
    model: { name: 'small-world', input: [1, 1, 2], layers },
    preprocessing: defaultPreprocessing,
    optimizer: choice.optimizer === 'sgd' ? { type: 'sgd', momentum: 0.9 } : { type: 'adam' },
    schedule: { type: 'constant' },
    learningRate: 0.01,
    epochs: choice.epochs,
    batch: microshards * perMicroshard,
    microshards,
    seed,
    validate: choice.validates ? { fraction: 0.3 } : null,
    trainFolders: ['a'],
    delay: choice.delay,
    mode: modeOf(choice, localSteps),
    ...parts,
  });
  return { ...spec, preprocessing: smallImages };
}

function modeOf({ staleness, microshards }: WorldChoice, localSteps: number | null): unknown {
  if (staleness !== null) return { type: 'async', staleness, reproducible: false };
  if (localSteps === null) return null;
  const outer = { learningRate: 0.7, momentum: 0.9 };
  return { type: 'local-sgd', localSteps, replicas: microshards, outer };
}
