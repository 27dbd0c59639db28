import { chosenRecipe } from '../chosen-recipe.js';
import type { AnyCommand } from '../command.js';
import { defineCommand } from '../define.js';
import {
  calibrateTable,
  coordinatorTable,
  demoTable,
  doctorTable,
  drainTable,
  exportTable,
  importTable,
  inferTable,
  previewTable,
  reducerTable,
  serveTable,
  statusTable,
  trainTable,
  workerTable,
} from '../options/tables.js';
import { storedRun } from '../stored-run.js';

export const train: AnyCommand = defineCommand({
  words: 'train',
  summary: 'train on this machine, without a broker',
  description:
    'Trains a model on this machine: coordinator and workers in one process, no broker. The result has the same bits as that of a ' +
    'cluster with the same options.',
  operand: null,
  table: trainTable,
  examples: [
    'onko train --data demo --train training-a,training-b',
    'onko train --data NumtaDB --train training-a,training-b,training-c --recipe lenet',
    'onko train --data NumtaDB --train training-a,training-c --validate 0.1 --epochs 20 --workers 4',
    'onko train --data demo --resume --out runs/lenet-20260131-120000',
  ],
  stored: storedRun,
  recipe: chosenRecipe,
  load: async () => (await import('./train.js')).runTrain,
});

export const coordinatorStart: AnyCommand = defineCommand({
  words: 'coordinator start',
  summary: 'train over RabbitMQ: start the coordinator of a run',
  description:
    'Starts a run over RabbitMQ: packs the data set, waits for workers, hands out the work, sums the gradients, and writes the model. ' +
    'Workers may join and leave at any time.',
  operand: null,
  table: coordinatorTable,
  examples: [
    'coordinator start --broker amqp://user:password@broker.lan --data NumtaDB --train training-a,training-b,training-c',
    'coordinator start --broker amqp://broker.lan --data demo --train training-a --min-workers 3 --out runs/mine',
    'coordinator start --broker amqp://broker.lan --data demo --resume --out runs/mine',
  ],
  stored: storedRun,
  recipe: chosenRecipe,
  load: async () => (await import('./coordinator-start.js')).runCoordinatorStart,
});

export const workerStart: AnyCommand = defineCommand({
  words: 'worker start',
  summary: 'train over RabbitMQ: start a worker',
  description:
    'Starts a worker: it finds the run through the broker, fetches model and samples over it, and computes gradients until the run is ' +
    'over; then it waits for the next one. It needs the broker’s address and nothing else. The first Ctrl-C hands in what is being ' +
    'computed and leaves.',
  operand: null,
  table: workerTable,
  examples: [
    'worker start --broker amqp://user:password@broker.lan',
    'ONKO_BROKER=amqps://user:password@broker.lan worker start --threads 4 --once',
  ],
  load: async () => (await import('./worker-start.js')).runWorkerStart,
});

export const reducerStart: AnyCommand = defineCommand({
  words: 'reducer start',
  summary: 'train over RabbitMQ: start a process that sums gradients',
  description:
    'Starts a reducer: it finds a run of `coordinator start --reducers K` through the broker and sums one of the K ranges of its gradients, in ' +
    'place of the coordinator, until the run is over; then it waits for the next one. The bits of the run are the same. A reducer ' +
    'that dies is replaced by the next one started.',
  operand: null,
  table: reducerTable,
  examples: [
    'reducer start --broker amqp://user:password@broker.lan',
    'ONKO_BROKER=amqps://user:password@broker.lan reducer start --once',
  ],
  load: async () => (await import('./reducer-start.js')).runReducerStart,
});

export const status: AnyCommand = defineCommand({
  words: 'status',
  summary: 'show the runs on a broker and their workers',
  description:
    'Asks every coordinator on the broker how its run is: step, loss, pace, workers, what each has in hand and when it was last seen. ' +
    'From any machine. With --json, the answers as they came, as a JSON array.',
  operand: null,
  table: statusTable,
  examples: [
    'onko status --broker amqp://user:password@broker.lan',
    'onko status --broker amqp://broker.lan --json',
  ],
  load: async () => (await import('./status.js')).runStatus,
});

export const drain: AnyCommand = defineCommand({
  words: 'drain',
  summary: 'ask a worker to finish what it has in hand and leave',
  description:
    'Asks WORKER, by the name that `onko status` shows, to hand in what it computes, take nothing new, and end. From any machine. ' +
    'Nothing is lost: its other blocks go back to the queue.',
  operand: { name: 'WORKER', describe: 'name of the worker' },
  table: drainTable,
  examples: ['onko drain lab3-4711-a1b2 --broker amqp://user:password@broker.lan'],
  load: async () => (await import('./drain.js')).runDrain,
});

export const infer: AnyCommand = defineCommand({
  words: 'infer',
  summary: 'classify images, and evaluate against labels',
  description:
    'Classifies every image of a folder and writes FOLDER/predictions.csv (filename,digit,confidence). What could not be read stands in ' +
    'rejects.csv. For image files, or paths on standard input, the table goes to standard output as it comes, and what could not be ' +
    'read to standard error. With --eval, the labels in FOLDER.csv (columns filename and digit) are compared: figures and confusion matrix on the ' +
    'terminal, evaluation/metrics.json and evaluation/confusion.png.',
  operand: {
    name: 'IMAGES',
    describe:
      'a folder of images (FOLDER below), or image files, or - for paths on standard input, one a line',
    many: true,
  },
  table: inferTable,
  examples: [
    'cnn-infer demo/testing-a --eval',
    'cnn-infer scans --model runs/mine/model.safetensors --out results',
    'cnn-infer scan-1.png scan-2.jpg',
    'cnn-infer scans --format ndjson --top 3',
    'cnn-infer scans --review 0.9',
    "find archive -name '*.png' | cnn-infer - > predictions.csv",
    "find archive -name '*.png' -print0 | cnn-infer - -0 > predictions.csv",
  ],
  load: async () => (await import('./infer.js')).runInfer,
});

export const serve: AnyCommand = defineCommand({
  words: 'serve',
  summary: 'classify images over HTTP, with a page to draw digits on',
  description:
    'Serves a page on which one draws a digit and watches what it is taken for, and for programs POST /classify: the bytes of an image in, ' +
    'digit and confidence out, as JSON. For this machine alone unless --host says otherwise. Ctrl-C answers what has come and ends.',
  operand: null,
  table: serveTable,
  examples: [
    'cnn-infer serve',
    'cnn-infer serve --model runs/mine/model.safetensors --port 8000',
    'curl --data-binary @digit.png http://127.0.0.1:9470/classify',
  ],
  load: async () => (await import('./serve.js')).runServe,
});

export const calibrateModel: AnyCommand = defineCommand({
  words: 'calibrate',
  summary: 'make a model as sure as it is right',
  description:
    'Fits the temperature of the model file MODEL on the labelled images of a folder, so that of the guesses with a confidence of 0.9 nine in ten ' +
    'are right, and writes the model with it. No guess changes. A run with a validation has done so by itself.',
  operand: { name: 'MODEL', describe: 'model file (model.safetensors of a run folder)' },
  table: calibrateTable,
  examples: [
    'onko calibrate runs/mine/model.safetensors --folder NumtaDB/training-c --out model.safetensors',
  ],
  load: async () => (await import('./calibrate.js')).runCalibrate,
});

export const exportModel: AnyCommand = defineCommand({
  words: 'export',
  summary: 'write a model in a format that other programs read',
  description:
    'Writes the model file MODEL as ONNX, which onnxruntime and many other programs run. It takes prepared and scaled images, in batches ' +
    'of any size, and gives logits and probabilities.',
  operand: { name: 'MODEL', describe: 'model file (model.safetensors of a run folder)' },
  table: exportTable,
  examples: ['onko export runs/mine/model.safetensors --onnx model.onnx'],
  load: async () => (await import('./export.js')).runExport,
});

export const importModel: AnyCommand = defineCommand({
  words: 'import',
  summary: 'make a model of weights that another program has trained',
  description:
    'Reads WEIGHTS, a safetensors file with the names that PyTorch gives, finds the layer for each by shapes and by the order of the ' +
    'numbers in the names, and writes a model file. What became what is shown.',
  operand: { name: 'WEIGHTS', describe: 'safetensors file, float32' },
  table: importTable,
  examples: ['onko import weights.safetensors --model lenet-grey --out model.safetensors'],
  load: async () => (await import('./import.js')).runImport,
});

export const datasetDemo: AnyCommand = defineCommand({
  words: 'dataset demo',
  summary: 'draw a demo data set',
  description:
    'Draws Bengali digits from open fonts, as if written by hand on paper, into DIR: training-a, training-b and testing-a, each with its ' +
    'CSV, in the shape of NumtaDB.',
  operand: { name: 'DIR', describe: 'folder to make; it may be there already' },
  table: demoTable,
  examples: [
    'onko dataset demo demo',
    'onko dataset demo demo --count training-a=5000,testing-a=1000 --seed 7',
  ],
  load: async () => (await import('./dataset-demo.js')).runDatasetDemo,
});

export const datasetPreview: AnyCommand = defineCommand({
  words: 'dataset preview',
  summary: 'show what an augmentation does to images',
  description:
    'Draws a contact sheet: in each row an image as it is prepared for training, and beside it what the augmentation makes of it in the ' +
    'first epochs.',
  operand: null,
  table: previewTable,
  examples: [
    'onko dataset preview --data demo --folder training-a --augmentation affine',
    'onko dataset preview --data demo --folder training-a --augmentation \'{"elastic":0.05,"thickness":1}\' --out sheet.png',
  ],
  load: async () => (await import('./dataset-preview.js')).runDatasetPreview,
});

export const doctor: AnyCommand = defineCommand({
  words: 'doctor',
  summary: 'check this machine: Node, kernels, clock, folders, data, broker',
  description:
    'Looks at everything that Onko needs on this machine, and says what is missing or could be better, and what to do about it. Ends with ' +
    'the code of the first thing that is wrong. With --json, the findings as a JSON array.',
  operand: null,
  table: doctorTable,
  examples: [
    'onko doctor',
    'onko doctor --broker amqp://user:password@broker.lan --data NumtaDB',
    'ONKO_BROKER_FILE=/etc/onko/broker-url onko doctor --json',
  ],
  load: async () => (await import('./doctor.js')).runDoctor,
});

export const allCommands = [
  train,
  coordinatorStart,
  workerStart,
  reducerStart,
  status,
  drain,
  infer,
  serve,
  calibrateModel,
  exportModel,
  importModel,
  datasetDemo,
  datasetPreview,
  doctor,
];
