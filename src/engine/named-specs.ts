import type { LayerSpec, ModelSpec } from './spec.js';

/** LeCun's LeNet-5 in today's form: ReLU and max pooling; 62,006 parameters on colour, 61,706 on grey. */
const lenetLayers: LayerSpec[] = [
  { type: 'conv2d', filters: 6, kernel: 5 },
  { type: 'relu' },
  { type: 'maxpool2d', size: 2 },
  { type: 'conv2d', filters: 16, kernel: 5 },
  { type: 'relu' },
  { type: 'maxpool2d', size: 2 },
  { type: 'flatten' },
  { type: 'linear', units: 120 },
  { type: 'relu' },
  { type: 'linear', units: 84 },
  { type: 'relu' },
  { type: 'linear', units: 10 },
  { type: 'softmax' },
];

const conv3 = (filters: number): LayerSpec[] => [
  { type: 'conv2d', filters, kernel: 3, padding: 1 },
  { type: 'relu' },
];

const normalised3 = (filters: number): LayerSpec[] => [
  { type: 'conv2d', filters, kernel: 3, padding: 1 },
  { type: 'batchnorm2d' },
  { type: 'relu' },
];

/** The models that `--model NAME` knows; every other one is a JSON file of the same form. */
export const namedSpecs: ReadonlyMap<string, ModelSpec> = new Map(
  (
    [
      { name: 'lenet', input: [3, 32, 32], layers: lenetLayers },
      { name: 'lenet-grey', input: [1, 32, 32], layers: lenetLayers },
      {
        name: 'vgg-small',
        input: [1, 32, 32],
        layers: [
          ...conv3(32),
          ...conv3(32),
          { type: 'maxpool2d', size: 2 },
          ...conv3(64),
          ...conv3(64),
          { type: 'maxpool2d', size: 2 },
          { type: 'flatten' },
          { type: 'linear', units: 256 },
          { type: 'relu' },
          { type: 'dropout', rate: 0.5 },
          { type: 'linear', units: 10 },
          { type: 'softmax' },
        ],
      },
      {
        // 667,242 parameters, 640 of them running statistics.
        name: 'onko-net',
        input: [1, 32, 32],
        layers: [
          ...normalised3(32),
          ...normalised3(32),
          { type: 'maxpool2d', size: 2 },
          ...normalised3(64),
          ...normalised3(64),
          { type: 'maxpool2d', size: 2 },
          ...normalised3(128),
          { type: 'maxpool2d', size: 2 },
          { type: 'flatten' },
          { type: 'dropout', rate: 0.4 },
          { type: 'linear', units: 256 },
          { type: 'relu' },
          { type: 'linear', units: 10 },
          { type: 'softmax' },
        ],
      },
    ] satisfies ModelSpec[]
  ).map((spec) => [spec.name, spec]),
);
