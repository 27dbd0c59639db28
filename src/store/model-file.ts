import { open } from 'node:fs/promises';
import { z } from 'zod';
import { channelsOf, DataError, type Preprocessing, parsePreprocessing } from '../data/index.js';
import {
  allFinite,
  buildModel,
  decodeSafetensors,
  encodeSafetensors,
  loadStateDict,
  type Model,
  type ModelSpec,
  parseModelSpec,
  SafetensorsError,
  SpecError,
  StateDictError,
  stateDict,
} from '../engine/index.js';
import { canonicalJson } from './canonical-json.js';
import { errorCode, ModelFileError } from './errors.js';

/** A trained model and all that is needed to use it: safetensors, with everything but the parameters in the metadata. */
export interface ModelFile {
  spec: ModelSpec;
  preprocessing: Preprocessing;
  /** Name of each class, in the order of the model's outputs. */
  classes: string[];
  /**
   * Where the parameters come from: training spec JSON, data hash, numerics id, Onko's version. Nothing that differs between
   * runs with equal bits: no times, hosts, run ids, worker counts.
   */
  provenance: Record<string, string>;
  /** Flat, `parameterCount` values in the model's order. */
  parameters: Float32Array;
  /** Absent: the probabilities are the model's own. */
  temperature?: FittedTemperature | undefined;
}

/** How sure the model's guesses are to be taken for. */
export interface FittedTemperature {
  /** Probabilities are p^(1/value), normalised: softmax(logits / value). Positive. */
  value: number;
  /** What it was fitted on, for people: `validation`, or the name of a folder. */
  fittedOn: string;
  /** How many samples these were. */
  samples: number;
}

const temperatureSchema = z.strictObject({
  value: z.number().positive(),
  fittedOn: z.string(),
  samples: z.int().positive(),
});

const formatKey = 'onko_model';
const formatVersion = '1';
/** A model has 2²⁵ parameters at most: four bytes each, and room for the metadata. */
const maxFileBytes = 2 ** 28;

/**
 * Equal models give equal bytes.
 *
 * @throws SpecError for an unusable spec; RangeError if preprocessing, classes or parameters do not fit it
 */
export function encodeModelFile(file: ModelFile): Uint8Array<ArrayBuffer> {
  const model = buildModel(file.spec);
  const misfit = findMisfit(model, file);
  if (misfit !== undefined) throw new RangeError(`The model cannot be saved: ${misfit}.`);
  return encodeSafetensors(stateDict(model, file.parameters), {
    [formatKey]: formatVersion,
    spec: canonicalJson(model.spec),
    preprocessing: canonicalJson(file.preprocessing),
    classes: canonicalJson(file.classes),
    provenance: canonicalJson(file.provenance),
    ...temperatureMetadata(file),
  });
}

/** Its part of the metadata, here and in exports: nothing for a model without one, whose bytes stay what they were. */
export function temperatureMetadata({ temperature }: ModelFile): { temperature?: string } {
  return temperature === undefined ? {} : { temperature: canonicalJson(temperature) };
}

/**
 * @param path only for the error's words
 * @throws ModelFileError, and nothing else, whatever the bytes are
 */
export function decodeModelFile(bytes: Uint8Array, path?: string): ModelFile {
  const subject = path === undefined ? 'The model file' : `The model file ${path}`;
  if (bytes.length === 0) {
    throw new ModelFileError(`${subject} is empty. Take another copy of it, or train the model again.`);
  }
  try {
    return readContent(bytes);
  } catch (error) {
    throw asModelFileError(subject, error);
  }
}

/** @throws ModelFileError naming the file, what is wrong with it and what to do */
export async function readModelFile(path: string): Promise<ModelFile> {
  return decodeModelFile(await readModelBytes(path), path);
}

/** @throws ModelFileError if there is no such file, or it is too large to be a model's */
export async function readModelBytes(path: string): Promise<Uint8Array> {
  try {
    const handle = await open(path, 'r');
    try {
      const status = await handle.stat();
      if (status.isFile() && status.size > maxFileBytes) {
        throw new ModelFileError(
          `The model file ${path} is too large: expected at most ${maxFileBytes} bytes, found ${status.size}. Name a model that Onko has written.`,
        );
      }
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ModelFileError) throw error;
    throw new ModelFileError(unreadable(path, error), { cause: error });
  }
}

function unreadable(path: string, error: unknown): string {
  switch (errorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `There is no model file ${path}. Check the name, or train a model first.`;
    case 'EISDIR':
      return `${path} is a folder, not a model file. Name the model.safetensors in it.`;
    case 'EACCES':
    case 'EPERM':
      return `The model file ${path} may not be read: permission denied. Change its permissions, or name another file.`;
    default:
      return `The model file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}.`;
  }
}

/** Why a file that is safetensors is none of Onko's models. */
class ContentError extends Error {}

function readContent(bytes: Uint8Array): ModelFile {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const format = metadata[formatKey];
  if (format === undefined) throw new ContentError('it carries no Onko metadata');
  if (format !== formatVersion) {
    throw new ContentError(`expected format version ${formatVersion}, found "${format.slice(0, 20)}"`);
  }
  const model = buildModel(parseModelSpec(readJson(metadata, 'spec')));
  const file = {
    spec: model.spec,
    preprocessing: parsePreprocessing(readJson(metadata, 'preprocessing')),
    classes: readJson(metadata, 'classes'),
    provenance: readJson(metadata, 'provenance'),
    parameters: loadStateDict(model, tensors),
  };
  const { classes, provenance } = file;
  if (!isStrings(classes)) throw new ContentError('its "classes" are no list of names');
  if (!isStringRecord(provenance)) throw new ContentError('its "provenance" is no set of texts');
  const temperature = metadata['temperature'] === undefined ? undefined : readTemperature(metadata);
  const complete = { ...file, classes, provenance, ...(temperature === undefined ? {} : { temperature }) };
  const misfit = findMisfit(model, complete);
  if (misfit !== undefined) throw new ContentError(misfit);
  return complete;
}

function readJson(metadata: Record<string, string>, key: string): unknown {
  const text = metadata[key];
  if (text === undefined) throw new ContentError(`its metadata lacks "${key}"`);
  try {
    return JSON.parse(text);
  } catch {
    throw new ContentError(`its metadata "${key}" is not JSON`);
  }
}

function readTemperature(metadata: Record<string, string>): FittedTemperature {
  const parsed = temperatureSchema.safeParse(readJson(metadata, 'temperature'));
  if (!parsed.success) throw new ContentError('its "temperature" is not one that Onko has written');
  return parsed.data;
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((member) => typeof member === 'string');
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && isStrings(Object.values(value))
  );
}

/** What in a model file contradicts its spec, in one clause. */
function findMisfit(model: Model, file: ModelFile): string | undefined {
  const { preprocessing, classes, parameters } = file;
  const { channels, height, width } = model.input;
  const given = channelsOf(preprocessing);
  if (
    preprocessing.height !== height ||
    preprocessing.width !== width ||
    (given !== channels && given !== 1)
  ) {
    return `the model takes images of ${channels}×${height}×${width}, its preprocessing makes ${given}×${preprocessing.height}×${preprocessing.width}`;
  }
  if (classes.length !== model.classes) {
    return `expected ${model.classes} class names, one per output, found ${classes.length}`;
  }
  if (parameters.length !== model.parameterCount) {
    return `expected ${model.parameterCount} parameters, found ${parameters.length}`;
  }
  const { temperature } = file;
  if (temperature !== undefined && !temperatureSchema.safeParse(temperature).success) {
    return `expected a temperature above 0, found ${temperature.value}`;
  }
  if (!allFinite(parameters)) return 'some of its parameters are no finite numbers';
  return undefined;
}

function asModelFileError(subject: string, error: unknown): ModelFileError {
  const again = 'Take another copy of it, or train the model again.';
  if (error instanceof SafetensorsError) {
    const message =
      error.fault === 'foreign'
        ? `${subject} is ${error.message}. Name a model that Onko has written.`
        : `${subject} is damaged (${error.message}). ${again}`;
    return new ModelFileError(message, { cause: error });
  }
  if (error instanceof ContentError) {
    return new ModelFileError(
      `${subject} is no Onko model that can be used: ${error.message}. Name a model that Onko has written, or train one.`,
    );
  }
  if (error instanceof StateDictError || error instanceof SpecError || error instanceof DataError) {
    return new ModelFileError(`${subject} does not fit together: ${error.message} ${again}`, {
      cause: error,
    });
  }
  throw error;
}
