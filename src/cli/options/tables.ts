import { logLevels } from '../../metrics/index.js';
import { recipes } from '../recipes.js';
import { brokerRows } from './broker-rows.js';
import * as kind from './kinds.js';
import { grouped } from './table.js';

const common = grouped('Common');
const data = grouped('Data');
const training = grouped('Training');
const output = grouped('Output');
const cluster = grouped('Cluster');

/** Every command has these. */
export const commonRows = {
  config: common.optional(
    kind.path('FILE'),
    './onko.config.json if there is one',
    'JSON file with options of any command, by their name in camelCase',
  ),
  logLevel: common.value(
    kind.choice(logLevels, 'LEVEL'),
    'info',
    `one of ${logLevels.join(', ')}; progress is shown up to info`,
  ),
  json: common.value(kind.toggle, false, 'log JSON lines instead of plain ones, progress among them'),
  verbose: common.value(kind.toggle, false, 'log everything, and show the stack trace of an error'),
} as const;

const machineRows = {
  cacheDir: common.optional(
    kind.path('DIR'),
    '~/.cache/onko',
    'folder for packed data sets and data blocks; may be deleted at any time',
  ),
  kernels: common.optional(
    kind.text('NAME'),
    'the fastest that works here',
    'numeric backend to compute with; `onko doctor` shows which there are',
  ),
} as const;

const waitRow = cluster.value(
  kind.integer({ min: 0 }, 'SECONDS'),
  0,
  'how long to wait at the start for a broker that does not answer yet, in seconds',
);

const retryRow = cluster.value(
  kind.integer({ min: 1 }, 'SECONDS'),
  300,
  'how long to go on trying when the broker has gone away, in seconds',
);

const runRows = {
  recipe: training.optional(
    kind.choice([...recipes.keys()], 'NAME'),
    null,
    `options that go well together, as docs/accuracy.md has them: ${[...recipes.keys()].join(', ')}; each may be given another value`,
  ),
  data: data.required(
    kind.path('DIR'),
    'say which folder holds the image folders and their CSV files (`onko dataset demo DIR` makes one).',
    'folder with the image folders and, beside each, its CSV with `filename` and `digit`',
  ),
  train: data.required(
    kind.list('FOLDERS'),
    'say which folders below --data to train on, like --train training-a,training-b.',
    'folders below --data to train on, with commas between',
  ),
  validate: data.value(
    kind.validation,
    { fraction: 0.05 },
    'what to validate on after each epoch: a share of the training samples (0 to 1), a folder below --data, or none',
  ),
  maxRejects: data.value(
    kind.integer({ min: 0 }),
    100,
    'stop before training if more files or CSV rows than this cannot be used',
  ),
  preprocessing: data.optional(
    kind.nameOrJson('JSON'),
    'grey, cropped to the ink, in the size of the model’s input',
    'what to change about the preparation of images, like \'{"color":"rgb","crop":null}\'',
  ),
  threads: data.optional(
    kind.integer({ min: 1, max: 256 }),
    'all cores, at most 8',
    'threads for decoding images',
  ),

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

  model: training.value(
    kind.nameOrJson('NAME|SPEC.json'),
    'lenet',
    'lenet, lenet-grey, vgg-small, onko-net, or a JSON file with a model spec',
  ),
  epochs: training.value(kind.integer({ min: 1, max: 100_000 }), 10, 'passes over the training samples'),
  batch: training.value(
    kind.integer({ min: 16, max: 65_536 }),
    128,
    'samples per step, over all workers: microshards × a multiple of 16',
  ),
  microshards: training.value(
    kind.integer({ min: 1, max: 4096 }),
    8,
    'parts of a batch that are computed apart, a power of two: at most so many threads work at once',
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

  out: output.optional(
    kind.path('RUN_DIR'),
    'runs/MODEL-TIME',
    'run folder: model, checkpoints, history.csv, curves.png',
  ),
  divergence: training.optional(
    kind.decimal({ above: 1 }, 'FACTOR'),
    'the run goes on as long as the loss is finite',
    'stop when the mean loss of 32 steps stays above FACTOR times its best for 32 steps; the last checkpoint is from before',
  ),
  trace: output.optional(
    kind.path('FILE'),
    'not written',
    'write a timeline of every step and worker to FILE, for ui.perfetto.dev or chrome://tracing',
  ),
  resume: output.value(
    kind.toggle,
    false,
    'go on with the run in --out from its last checkpoint; options not given are taken from it',
  ),
  checkpointEvery: output.value(
    kind.integer({ min: 1 }, 'SECONDS'),
    60,
    'time between checkpoints, in seconds',
  ),
  keepCheckpoints: output.value(kind.integer({ min: 1, max: 1000 }), 3, 'checkpoints to keep'),
} as const;

const audit = cluster.value(
  kind.decimal({ min: 0, max: 1 }, 'SHARE'),
  0,
  'share of the blocks (0 to 1) that two workers compute and the coordinator compares; who computes wrongly is expelled',
);
const metricsHost = output.value(
  kind.text('HOST'),
  '127.0.0.1',
  'address that page and metrics are served on; 0.0.0.0 for every network of the machine',
);
const portKind = kind.integer({ min: 0, max: 65_535 }, 'PORT');
const servedPortKind = kind.orNone(portKind);

export const trainTable = {
  ...runRows,
  audit,
  workers: cluster.optional(
    kind.integer({ min: 1, max: 256 }),
    'one per core',
    'workers in this process, one thread each',
  ),
  metricsPort: output.value(
    servedPortKind,
    0,
    'port of the live page and /metrics; 0 takes any free one, none serves nothing',
  ),
  metricsHost,
  ...machineRows,
  ...commonRows,
} as const;

export const coordinatorTable = {
  ...brokerRows,
  ...runRows,
  run: cluster.optional(
    kind.text('NAME'),
    'run-xxxxxxxxxxxx',
    'name of the run, by which workers can choose it; letters, digits, ".", "_" and "-"',
  ),
  takeOver: cluster.value(
    kind.toggle,
    false,
    'with --resume: end the coordinator that has the run now, and go on in its place',
  ),
  audit,
  minWorkers: cluster.value(
    kind.integer({ min: 1, max: 4096 }),
    1,
    'workers to wait for before the first step; afterwards one is enough',
  ),
  workerWait: cluster.optional(
    kind.integer({ min: 1 }, 'SECONDS'),
    'wait for ever',
    'give up after so many seconds without enough workers',
  ),
  heartbeatMs: cluster.value(
    kind.integer({ min: 100, max: 60_000 }, 'MS'),
    2000,
    'time between signs of life of a worker, in milliseconds; three missed ones count as a death',
  ),
  brokerWait: waitRow,
  brokerRetry: retryRow,
  metricsPort: output.value(
    servedPortKind,
    9464,
    'port of the live page, /metrics and /healthz; 0 takes any free one, none serves nothing',
  ),
  metricsHost,
  ...machineRows,
  ...commonRows,
} as const;

export const workerTable = {
  ...brokerRows,
  threads: cluster.optional(
    kind.integer({ min: 1, max: 256 }),
    'all cores',
    'compute threads; each takes one block at a time',
  ),
  data: data.optional(
    kind.path('DIR'),
    'samples come over the broker, once',
    'a copy of the data set on this machine; used where its hashes agree',
  ),
  id: cluster.optional(
    kind.text('NAME'),
    'HOST-PID-xxxx',
    'name of this worker in logs and metrics; letters, digits, ".", "_" and "-", unique on the broker',
    { as: 'workerId' },
  ),
  run: cluster.optional(
    kind.text('NAME'),
    'whatever run needs a worker',
    'work for the run of this name only',
  ),
  metricsPort: output.optional(
    portKind,
    'not served',
    'serve /metrics and /healthz of this worker on this port; 0 takes any free one',
    { as: 'workerMetricsPort' },
  ),
  metricsHost,
  blockCache: cluster.value(
    kind.integer({ min: 1 }, 'MIB'),
    2048,
    'disk space for data blocks in --cache-dir, in MiB; those that were not used for longest go first',
  ),
  once: cluster.value(kind.toggle, false, 'end after one run instead of waiting for the next'),
  brokerWait: waitRow,
  brokerRetry: retryRow,
  ...machineRows,
  ...commonRows,
} as const;

export const inferTable = {
  eval: data.value(
    kind.toggle,
    false,
    'compare with the labels in FOLDER.csv: accuracy, macro F1, loss, scores per class, confusion matrix',
  ),
  model: data.optional(
    kind.path('FILE'),
    'that of the last run',
    'model file (model.safetensors of a run folder)',
    {
      as: 'inferModel',
    },
  ),
  out: output.optional(kind.path('DIR'), 'FOLDER', 'where predictions.csv and evaluation/ are written', {
    as: 'inferOut',
  }),
  report: output.optional(
    kind.path('FILE.html'),
    'none',
    'with --eval: one page that needs nothing else, with figures, diagrams, the worst mistakes as pictures, and what was evaluated',
  ),
  threads: data.optional(
    kind.integer({ min: 1, max: 256 }),
    'all cores',
    'threads for decoding and computing; the figures do not depend on it',
  ),
  kernels: machineRows.kernels,
  ...commonRows,
} as const;

export const demoTable = {
  seed: data.value(
    kind.integer({ min: 0, max: 4_294_967_295 }),
    1,
    'seed of every drawing: equal seeds give equal files',
    { as: 'demoSeed' },
  ),
  count: data.optional(
    kind.counts,
    'training-a=2000,training-b=800,testing-a=500',
    'how many images in which folder',
    { as: 'demoCount' },
  ),
  ...commonRows,
} as const;

export const previewTable = {
  data: data.required(
    kind.path('DIR'),
    'say which folder holds the image folders and their CSV files.',
    'folder with the image folders and, beside each, its CSV with `filename` and `digit`',
  ),
  folder: data.required(
    kind.text('FOLDER'),
    'say which folder below --data to take the images from, like --folder training-a.',
    'folder below --data to take the images from',
    { as: 'previewFolder' },
  ),
  augmentation: training.value(kind.nameOrJson('NAME|JSON'), 'affine', 'what to show: as for `onko train`', {
    as: 'previewAugmentation',
  }),
  preprocessing: runRows.preprocessing,
  rows: data.value(kind.integer({ min: 1, max: 40 }), 10, 'images to show, spread over the digits', {
    as: 'previewRows',
  }),
  columns: data.value(kind.integer({ min: 1, max: 20 }), 8, 'versions of each image beside the original', {
    as: 'previewColumns',
  }),
  seed: data.value(kind.integer({ min: 0, max: 4_294_967_295 }), 1, 'seed of what is drawn', {
    as: 'previewSeed',
  }),
  out: output.value(kind.path('FILE'), 'augmentation.png', 'PNG file to write', { as: 'previewOut' }),
  kernels: machineRows.kernels,
  ...commonRows,
} as const;

export const statusTable = {
  ...brokerRows,
  wait: cluster.value(kind.integer({ min: 1 }, 'SECONDS'), 3, 'how long to wait for an answer, in seconds', {
    as: 'statusWait',
  }),
  ...commonRows,
} as const;

export const drainTable = {
  ...brokerRows,
  wait: cluster.value(
    kind.integer({ min: 0 }, 'SECONDS'),
    60,
    'how long to wait until the worker has left, in seconds; 0 only asks',
    { as: 'drainWait' },
  ),
  ...commonRows,
} as const;

export const doctorTable = {
  ...brokerRows,
  broker: cluster.optional(
    kind.brokerUrl,
    'not tried',
    'also try this RabbitMQ: account, rights, version, limits, clock',
  ),
  data: data.optional(kind.path('DIR'), 'not looked at', 'also look at this data set: folders, labels'),
  out: output.optional(kind.path('RUN_DIR'), 'runs', 'folder for runs: may it be written, is there space'),
  ...machineRows,
  ...commonRows,
} as const;

export const allTables = [
  trainTable,
  coordinatorTable,
  workerTable,
  inferTable,
  demoTable,
  previewTable,
  doctorTable,
  statusTable,
  drainTable,
] as const;
