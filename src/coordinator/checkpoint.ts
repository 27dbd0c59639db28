import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import {
  decodeSafetensors,
  encodeSafetensors,
  loadStateDict,
  type Model,
  type NamedTensor,
  type OptimizerState,
  stateDict,
} from '../engine/index.js';
import type { Log } from '../metrics/index.js';
import { asBytes, asFloat32 } from '../protocol/index.js';
import { type FileOperations, realFiles, writeAtomically } from '../store/index.js';
import { CheckpointError } from './errors.js';
import { historyRowSchema } from './history.js';
import type { KeptWeights } from './trainer.js';

/** Everything but the tensors; JSON keeps every double exactly. */
const metadataSchema = z.strictObject({
  format: z.literal('onko-checkpoint-1'),
  run: z.string(),
  fence: z.int().positive(),
  /** Canonical JSON of the training spec, whose seeds are the run's. */
  spec: z.string(),
  dataHash: z.string(),
  numericsId: z.string(),
  /** Whole steps done. */
  step: z.int().min(0),
  /** Steps among them that were done before an earlier one; none but in asynchronous training. */
  ahead: z.array(z.int().min(0)).default([]),
  /** Epochs in `history`; one less than the whole epochs done while a validation is under way. */
  recordedEpochs: z.int().min(0),
  /** Sums of the epoch that is not recorded yet. */
  epochSums: z.strictObject({ samples: z.int().min(0), lossSum: z.number(), correct: z.int().min(0) }),
  /** Time spent on the epoch that is not recorded yet, and on the whole run. */
  epochSeconds: z.number().min(0),
  seconds: z.number().min(0),
  lossTrend: z.strictObject({
    steps: z.int().min(0),
    mean: z.number(),
    best: z.number().nullable(),
    above: z.int().min(0),
  }),
  history: z.array(historyRowSchema),
  optimizer: z.strictObject({ updates: z.int().min(0), scalars: z.record(z.string(), z.number()) }),
});
export type CheckpointMetadata = z.infer<typeof metadataSchema>;

export interface Checkpoint {
  metadata: CheckpointMetadata;
  parameters: Float32Array;
  optimizerState: OptimizerState;
  kept: KeptWeights;
}

/** Tensors of `kept`; those of `previous` are numbered, from 1 for the parameters one step earlier. */
const keptNames = ['average', 'best'] as const;
const previousPrefix = 'previous.';

const parameterPrefix = 'parameters.';
const slotPrefix = 'optimizer.';

const flat = (name: string, values: Float32Array): NamedTensor => ({
  name,
  dtype: 'F32',
  shape: [values.length],
  data: asBytes(values),
});

/** Bytes of a checkpoint; everything is copied, so training may go on at once. */
export function encodeCheckpoint(model: Model, checkpoint: Checkpoint): Uint8Array {
  const named = (prefix: string, values: Float32Array): NamedTensor[] =>
    stateDict(model, values).map((tensor) => ({ ...tensor, name: prefix + tensor.name }));
  const slots = Object.entries(checkpoint.optimizerState.slots).map(([name, values]) =>
    flat(slotPrefix + name, values),
  );
  const kept = keptNames.flatMap((name) => {
    const values = checkpoint.kept[name];
    return values === null ? [] : [flat(name, values)];
  });
  const previous = checkpoint.kept.previous.map((values, i) => flat(`${previousPrefix}${i + 1}`, values));
  const metadata = { onko: JSON.stringify(checkpoint.metadata), sha256: blank };
  const tensors = [...named(parameterPrefix, checkpoint.parameters), ...slots, ...kept, ...previous];
  return sign(encodeSafetensors(tensors, metadata));
}

/** Stands in the place of the checksum while it is computed: it covers every byte of the file, header included. */
const blank = '0'.repeat(64);
const checksumKey = '"sha256":"';

/** Where the 64 digits stand; −1 if they do not. */
function checksumAt(file: Buffer): number {
  const key = file.indexOf(checksumKey);
  return key < 0 || key + checksumKey.length + blank.length > file.length ? -1 : key + checksumKey.length;
}

function sign(bytes: Uint8Array): Uint8Array {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  file.write(createHash('sha256').update(file).digest('hex'), checksumAt(file), 'latin1');
  return bytes;
}

function checkSignature(bytes: Uint8Array): void {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = checksumAt(file);
  if (at < 0) throw new CheckpointError('it has no checksum: it is torn, or not a checkpoint of this Onko.');
  const end = at + blank.length;
  const hash = createHash('sha256').update(file.subarray(0, at)).update(blank).update(file.subarray(end));
  if (hash.digest('hex') !== file.toString('latin1', at, end))
    throw new CheckpointError('its content does not match its checksum: the file is damaged.');
}

/** Throws CheckpointError for a damaged file, or SafetensorsError for one that is cut short or something else. */
export function decodeCheckpoint(model: Model, bytes: Uint8Array): Checkpoint {
  checkSignature(bytes);
  const { tensors, metadata } = decodeSafetensors(bytes);
  const parsed = metadataSchema.safeParse(JSON.parse(metadata['onko'] ?? 'null'));
  if (!parsed.success) throw new CheckpointError('it is not a checkpoint of Onko.');
  const parameters = new Map<string, NamedTensor>();
  const slots: Record<string, Float32Array> = {};
  const whole = (name: string, data: Uint8Array): Float32Array => {
    const values = asFloat32(data).slice();
    if (values.length !== model.parameterCount)
      throw new CheckpointError(`its ${name} is not of this model.`);
    return values;
  };
  const kept = { average: null as Float32Array | null, best: null as Float32Array | null };
  const previous: Float32Array[] = [];
  for (const [name, tensor] of tensors) {
    if (name.startsWith(parameterPrefix)) {
      const own = name.slice(parameterPrefix.length);
      parameters.set(own, { ...tensor, name: own });
    } else if (name.startsWith(slotPrefix)) {
      slots[name.slice(slotPrefix.length)] = asFloat32(tensor.data).slice();
    } else if (name === 'average' || name === 'best') {
      kept[name] = whole(name, tensor.data);
    } else if (name.startsWith(previousPrefix)) {
      previous[Number(name.slice(previousPrefix.length)) - 1] = whole(name, tensor.data);
    }
  }
  const { updates, scalars } = parsed.data.optimizer;
  return {
    metadata: parsed.data,
    parameters: loadStateDict(model, parameters),
    optimizerState: { updates, scalars, slots },
    kept: { ...kept, previous },
  };
}

const fileName = (step: number): string => `step-${String(step).padStart(8, '0')}.safetensors`;
const filePattern = /^step-(\d{8,})\.safetensors$/;

async function listCheckpoints(
  folder: string,
  files: FileOperations,
): Promise<{ name: string; step: number }[]> {
  const names = await files.readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .map((name) => ({ name, step: Number(filePattern.exec(name)?.[1] ?? Number.NaN) }))
    .filter(({ step }) => Number.isInteger(step))
    .toSorted((a, b) => b.step - a.step);
}

/** Writes the checkpoint, then drops all but the newest `keep`. OutputError if the disk refuses; older ones stay. */
export async function writeCheckpoint(
  folder: string,
  step: number,
  bytes: Uint8Array,
  keep: number,
  files: FileOperations = realFiles,
): Promise<void> {
  await writeAtomically(join(folder, fileName(step)), bytes, files);
  // The new one is safe: an old one that cannot be removed now is removed after the next one.
  const all = await listCheckpoints(folder, files).catch(() => []);
  const old = all.slice(Math.max(1, keep));
  await Promise.allSettled(old.map(({ name }) => files.rm(join(folder, name), { force: true })));
}

export interface FoundCheckpoint {
  path: string;
  checkpoint: Checkpoint;
}

/**
 * The newest checkpoint that can be read; null if there is none at all. Damaged ones are skipped, with a warning that names
 * them and the one that is taken instead.
 * @throws CheckpointError if there are some and none can be read
 */
export async function readNewestCheckpoint(
  folder: string,
  model: Model,
  log: Log,
  files: FileOperations = realFiles,
): Promise<FoundCheckpoint | null> {
  const all = await listCheckpoints(folder, files);
  const damaged: { name: string; reason: string }[] = [];
  for (const { name } of all) {
    const path = join(folder, name);
    try {
      const checkpoint = decodeCheckpoint(model, await files.readFile(path));
      for (const one of damaged) {
        log.warn(
          `Checkpoint ${join(folder, one.name)} cannot be used (${sentence(one.reason)}) and is skipped: ${name} is taken instead, and the steps since are computed again.`,
        );
      }
      return { path, checkpoint };
    } catch (error) {
      damaged.push({ name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  if (all.length === 0) return null;
  const reasons = damaged.map(({ name, reason }) => `${name}: ${sentence(reason)}`).join('; ');
  throw new CheckpointError(
    `None of the ${all.length} checkpoints in ${folder} can be used (${reasons}). Put back a copy of one and --resume; without one, remove the run folder and start anew.`,
  );
}

const sentence = (reason: string): string => reason.replace(/\.$/, '');
