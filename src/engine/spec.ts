import { z } from 'zod';

/** Shape of one sample's activations, `[channels][height][width]`; a flat vector of n values is `n×1×1`. */
export interface Shape {
  channels: number;
  height: number;
  width: number;
}

/**
 * One layer of a model. Strides default to 1 (pooling: to its size), padding to 0, the leaky slope to 0.01,
 * batch normalisation's epsilon to 1e-5 and its momentum to 0.1. A name is what an
 * `add` further on calls the layer by.
 */
export type LayerSpec = (
  | {
      type: 'conv2d';
      filters: number;
      kernel: number;
      stride?: number | undefined;
      padding?: number | undefined;
    }
  | {
      type: 'depthwise_conv2d';
      kernel: number;
      stride?: number | undefined;
      padding?: number | undefined;
    }
  | { type: 'relu' }
  | { type: 'leaky_relu'; slope?: number | undefined }
  | { type: 'tanh' }
  | { type: 'sigmoid' }
  | { type: 'maxpool2d'; size: number; stride?: number | undefined }
  | { type: 'avgpool2d'; size: number; stride?: number | undefined }
  | { type: 'global_avgpool2d' }
  | { type: 'batchnorm2d'; epsilon?: number | undefined; momentum?: number | undefined }
  | { type: 'flatten' }
  | { type: 'linear'; units: number }
  | { type: 'dropout'; rate: number }
  | { type: 'add'; from: string }
  | { type: 'softmax' }
) & { name?: string | undefined };

export type InitScheme = 'he_normal' | 'he_uniform' | 'glorot_uniform' | 'glorot_normal';

/** A model as it stands in JSON: the shape of a sample and the stack of layers, the last of them `softmax`. */
export interface ModelSpec {
  name: string;
  input: [channels: number, height: number, width: number];
  layers: LayerSpec[];
  init?: InitScheme | undefined;
}

/** The model spec is not usable; the message names the layer, what it expected and what it found. */
export class SpecError extends Error {
  override readonly name = 'SpecError';
}

const maxFilters = 4096;
const maxUnits = 65_536;
const maxExtent = 1024;
const maxLayers = 256;

const count = (most: number) => z.number().int().min(1).max(most);

const named = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, ".", "_" and "-" only');

/** A layer's keys: those given, its type, and a name. */
const layerOf = <T extends string, Keys extends z.ZodRawShape>(type: T, keys: Keys) =>
  z.strictObject({ type: z.literal(type), name: named.optional(), ...keys });

const convolution = {
  kernel: count(31),
  stride: count(31).optional(),
  padding: z.number().int().min(0).max(30).optional(),
};

const layerSchemas = {
  conv2d: layerOf('conv2d', { filters: count(maxFilters), ...convolution }),
  depthwise_conv2d: layerOf('depthwise_conv2d', convolution),
  relu: layerOf('relu', {}),
  leaky_relu: layerOf('leaky_relu', { slope: z.number().gt(0).lt(1).optional() }),
  tanh: layerOf('tanh', {}),
  sigmoid: layerOf('sigmoid', {}),
  // The winner's place in its window is kept in one byte, hence 15×15 at most.
  maxpool2d: layerOf('maxpool2d', { size: count(15), stride: count(31).optional() }),
  avgpool2d: layerOf('avgpool2d', { size: count(64), stride: count(64).optional() }),
  global_avgpool2d: layerOf('global_avgpool2d', {}),
  batchnorm2d: layerOf('batchnorm2d', {
    epsilon: z.number().positive().max(1).optional(),
    momentum: z.number().gt(0).max(1).optional(),
  }),
  flatten: layerOf('flatten', {}),
  linear: layerOf('linear', { units: count(maxUnits) }),
  dropout: layerOf('dropout', { rate: z.number().min(0).lt(1) }),
  add: layerOf('add', { from: named }),
  softmax: layerOf('softmax', {}),
} satisfies { [T in LayerSpec['type']]: z.ZodType<Extract<LayerSpec, { type: T }>> };

const layerTypes = Object.keys(layerSchemas);

const modelSchema = z.strictObject({
  name: named,
  input: z.tuple([count(64), count(maxExtent), count(maxExtent)]),
  layers: z.array(z.unknown()).min(1).max(maxLayers),
  init: z.enum(['he_normal', 'he_uniform', 'glorot_uniform', 'glorot_normal']).optional(),
});

/**
 * Checks the form of a model spec: every key known, every size in its range, `softmax` last and only there. Whether the
 * shapes fit is `buildModel`'s question.
 *
 * @throws SpecError naming the layer (index and type) or the key, what was expected and what was found
 */
export function parseModelSpec(json: unknown): ModelSpec {
  const parsed = modelSchema.safeParse(json);
  if (!parsed.success) throw new SpecError(`The model spec is not valid: ${explain(parsed.error, json)}.`);
  const layers = parsed.data.layers.map(parseLayer);
  const softmaxAt = layers.findIndex((layer) => layer.type === 'softmax');
  if (softmaxAt !== layers.length - 1) {
    const last = layers.length - 1;
    throw new SpecError(
      softmaxAt < 0
        ? `Layer ${last} (${layers[last]?.type}) is the last one: expected softmax there, since training ends in softmax with cross-entropy.`
        : `Layer ${softmaxAt} (softmax) must be the last layer; ${last - softmaxAt} more follow it.`,
    );
  }
  const { name, input, init } = parsed.data;
  return { name, input, layers, ...(init === undefined ? {} : { init }) };
}

function parseLayer(json: unknown, index: number): LayerSpec {
  const type = isRecord(json) ? json.type : undefined;
  if (!isLayerType(type)) {
    const found = type === undefined ? 'no type' : JSON.stringify(type);
    throw new SpecError(`Layer ${index}: expected a type of ${layerTypes.join(', ')}; found ${found}.`);
  }
  const parsed = layerSchemas[type].safeParse(json);
  if (!parsed.success) throw new SpecError(`Layer ${index} (${type}): ${explain(parsed.error, json)}.`);
  return parsed.data;
}

function isLayerType(type: unknown): type is LayerSpec['type'] {
  return typeof type === 'string' && Object.hasOwn(layerSchemas, type);
}

/** The first thing wrong, in one clause: the key, what it should be, what it is. */
function explain(error: z.ZodError, json: unknown): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'unreadable';
  if (issue.code === 'unrecognized_keys') return `unknown key ${issue.keys.map((k) => `"${k}"`).join(', ')}`;
  const path = issue.path.map(String);
  const found = path.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), json);
  const where = path.length === 0 ? '' : `"${path.join('.')}": `;
  const shown = found === undefined ? 'nothing' : (JSON.stringify(found)?.slice(0, 80) ?? typeof found);
  return `${where}${issue.message}; found ${shown}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
