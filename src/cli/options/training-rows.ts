import { recipes } from '../recipes.js';
import * as kind from './kinds.js';
import { grouped } from './table.js';

const training = grouped('Training');

/** Sets many of the others. */
export const recipe = training.optional(
  kind.choice([...recipes.keys()], 'NAME'),
  null,
  `options that go well together, as docs/accuracy.md has them: ${[...recipes.keys()].join(', ')}; each may be given another value`,
);

/** How a run trains, and what its model is of. */
export const trainingRows = {
  augmentation: training.optional(
    kind.nameOrJson('NAME|JSON'),
    'none',
    'changes to training images, drawn anew in each epoch: light, affine, elastic or strong, or JSON like \'{"preset":"affine","noise":0.1}\'',
  ),
  labelSmoothing: training.value(
    kind.decimal({ min: 0, max: 0.99 }),
    0,
    'share of each label that is spread over all classes, 0 to 0.99',
  ),
  classWeights: training.optional(
    kind.classWeights,
    'every sample counts the same',
    'how much a sample of each class counts: `balanced`, so that every class counts the same, or ten numbers with commas between',
  ),
  averaging: training.optional(
    kind.decimal({ above: 0, max: 0.999_999 }, 'DECAY'),
    'the last parameters are the model',
    'validate and write a moving average of the parameters, of which so much stays at each step, like 0.999',
  ),
  keep: training.value(
    kind.choice(['last', 'best'], 'WHICH'),
    'last',
    'the epoch that the model is of: the last, or the one that was validated best',
  ),
  patience: training.optional(
    kind.integer({ min: 1 }, 'EPOCHS'),
    'all epochs are trained',
    'end after so many epochs without a better validation',
  ),
  delay: training.value(
    kind.integer({ min: 0, max: 2 }, 'STEPS'),
    0,
    'steps that a gradient is late by, 0 to 2: with 1, workers compute while the weights travel. Another algorithm, with other bits; still the same ones for any number of workers',
  ),
  model: training.value(
    kind.nameOrJson('NAME|SPEC.json'),
    'lenet',
    'lenet, lenet-grey, vgg-small, onko-net, or a JSON file with a model spec',
  ),
  epochs: training.value(kind.integer({ min: 1, max: 100_000 }), 10, 'passes over the training samples'),
  batch: training.value(
    kind.orAuto(kind.integer({ min: 16, max: 65_536 })),
    128,
    'samples per step, over all workers: microshards × a multiple of 16; auto: the smallest of which most of a step is computing, as measured at the start',
  ),
  microshards: training.value(
    kind.orAuto(kind.integer({ min: 1, max: 4096 })),
    8,
    'parts of a batch that are computed apart, a power of two: at most so many threads work at once; auto: one for each thread, at least 8',
  ),
  optimizer: training.value(
    kind.nameOrJson('NAME|JSON'),
    'adamw',
    'sgd, adam or adamw, or JSON like \'{"type":"sgd","momentum":0.9}\'',
  ),
  lr: training.value(kind.decimal({ above: 0 }), 0.003, 'learning rate; of one_cycle and cosine the highest'),
  schedule: training.value(
    kind.nameOrJson('NAME|JSON'),
    'one_cycle',
    'constant, step, cosine or one_cycle, or JSON like \'{"type":"cosine","warmupSteps":100}\'',
  ),
  clip: training.optional(
    kind.decimal({ above: 0 }),
    'no clipping',
    'largest L2 norm of the mean gradient; a longer one is shortened to it',
  ),
  seed: training.value(
    kind.integer({ min: 0, max: 4_294_967_295 }),
    1,
    'seed of the initial parameters, the sampling order, the validation share and dropout',
  ),
  divergence: training.optional(
    kind.decimal({ above: 1 }, 'FACTOR'),
    'the run goes on as long as the loss is finite',
    'stop when the mean loss of 32 steps stays above FACTOR times its best for 32 steps; the last checkpoint is from before',
  ),
} as const;
