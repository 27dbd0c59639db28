import { buildModel } from '../../engine/index.js';
import type { ModelFile } from '../../store/index.js';
import { count } from './parts.js';

type Row = readonly [name: string, value: string];

/** What a model is: its layers, how its images are prepared, and where it comes from. */
export function modelRows(model: ModelFile, sha256: string, path: string): Row[] {
  const built = buildModel(model.spec);
  const { channels, height, width } = built.input;
  return [
    ['File', path],
    ['SHA-256', sha256],
    ['Name', model.spec.name],
    ['Parameters', count(built.parameterCount)],
    ['Input', `${channels} × ${height} × ${width}`],
    ['Layers', model.spec.layers.map(describeLayer).join(' → ')],
    ['Preprocessing', describe(model.preprocessing)],
    ...(model.temperature === undefined
      ? []
      : [['Temperature', `${model.temperature.value}, fitted on ${fittedOn(model)}`] satisfies Row]),
  ];
}

/** `4,096 samples of its validation`, `359 images of training-b` */
export function fittedOn({ temperature }: ModelFile): string {
  if (temperature === undefined) return 'nothing';
  const { fittedOn: what, samples } = temperature;
  return `${count(samples)} ${what === 'validation' ? 'samples of its validation' : `images of ${what}`}`;
}

/** What the file's metadata says of the training; whatever a later version may add is shown as it is. */
export function trainingRows({ provenance }: ModelFile): Row[] {
  const {
    training_spec: spec,
    data_hash: data,
    numerics_id: numerics,
    onko_version: version,
    steps,
    ...others
  } = provenance;
  const rows: (readonly [string, string | undefined])[] = [
    ['Training data (SHA-256)', data],
    ['Steps', steps],
    ['Numerics', numerics],
    ['Onko', version],
    ...specRows(spec),
    ...Object.entries(others),
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] satisfies Row]));
}

const words: Readonly<Record<string, string>> = {
  trainFolders: 'Trained on',
  validate: 'Validated on',
  optimizer: 'Optimizer',
  schedule: 'Schedule',
  learningRate: 'Learning rate',
  clipNorm: 'Gradient clipping',
  epochs: 'Epochs',
  batch: 'Batch',
  microshards: 'Microshards',
  seed: 'Seed',
  gradients: 'Gradients sent',
};

/** Model and preprocessing are told above. */
function specRows(json: string | undefined): Row[] {
  if (json === undefined) return [];
  try {
    const spec: unknown = JSON.parse(json);
    if (typeof spec !== 'object' || spec === null) return [['Training spec', json]];
    return Object.entries(spec)
      .filter(([key, value]) => key !== 'model' && key !== 'preprocessing' && value !== null)
      .map(([key, value]) => [words[key] ?? key, describe(value)]);
  } catch {
    return [['Training spec', json]];
  }
}

function describeLayer({ type, ...sizes }: ModelFile['spec']['layers'][number]): string {
  const text = Object.entries(sizes)
    .map(([name, value]) => `${name} ${describe(value)}`)
    .join(', ');
  return text === '' ? type : `${type} (${text})`;
}

/** `{"type":"adamw","beta1":0.9}` → `type adamw, beta1 0.9` */
function describe(value: unknown): string {
  if (Array.isArray(value)) return value.map(describe).join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, item]) => `${key} ${describe(item)}`)
    .join(', ');
}
