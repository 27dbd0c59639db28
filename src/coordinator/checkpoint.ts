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
  /** Epochs in `history`; one less than the whole epochs done while a validation is under way. */
  recordedEpochs: z.int().min(0),
  /** Sums of the epoch that is not recorded yet. */
  epochSums: z.strictObject({ samples: z.int().min(0), lossSum: z.number(), correct: z.int().min(0) }),
  /** Time spent on the epoch that is not recorded yet, and on the whole run. */
  epochSeconds: z.number().min(0),
  seconds: z.number().min(0),
  history: z.array(historyRowSchema),
  optimizer: z.strictObject({ updates: z.int().min(0), scalars: z.record(z.string(), z.number()) }),
});
export type CheckpointMetadata = z.infer<typeof metadataSchema>;

export interface Checkpoint {
  metadata: CheckpointMetadata;
  parameters: Float32Array;
  optimizerState: OptimizerState;
}

const parameterPrefix = 'parameters.';
const slotPrefix = 'optimizer.';

/** Bytes of a checkpoint; everything is copied, so training may go on at once. */
export function encodeCheckpoint(model: Model, checkpoint: Checkpoint): Uint8Array {
  const named = (prefix: string, values: Float32Array): NamedTensor[] =>
    stateDict(model, values).map((tensor) => ({ ...tensor, name: prefix + tensor.name }));
  const slots = Object.entries(checkpoint.optimizerState.slots).map(([name, values]): NamedTensor => {
    return { name: slotPrefix + name, dtype: 'F32', shape: [values.length], data: asBytes(values) };
  });
  const metadata = { onko: JSON.stringify(checkpoint.metadata) };
  return encodeSafetensors([...named(parameterPrefix, checkpoint.parameters), ...slots], metadata);
}

/** Throws CheckpointError, or SafetensorsError for a torn file. */
export function decodeCheckpoint(model: Model, bytes: Uint8Array): Checkpoint {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const parsed = metadataSchema.safeParse(JSON.parse(metadata['onko'] ?? 'null'));
  if (!parsed.success) throw new CheckpointError('it is not a checkpoint of Onko.');
  const parameters = new Map<string, NamedTensor>();
  const slots: Record<string, Float32Array> = {};
  for (const [name, tensor] of tensors) {
    if (name.startsWith(parameterPrefix)) {
      const own = name.slice(parameterPrefix.length);
      parameters.set(own, { ...tensor, name: own });
    } else if (name.startsWith(slotPrefix)) {
      slots[name.slice(slotPrefix.length)] = asFloat32(tensor.data).slice();
    }
  }
  const { updates, scalars } = parsed.data.optimizer;
  return {
    metadata: parsed.data,
    parameters: loadStateDict(model, parameters),
    optimizerState: { updates, scalars, slots },
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
  const all = await listCheckpoints(folder, files);
  await Promise.all(
    all.slice(Math.max(1, keep)).map(({ name }) => files.rm(join(folder, name), { force: true })),
  );
}

export interface FoundCheckpoint {
  path: string;
  checkpoint: Checkpoint;
}

/**
 * The newest checkpoint that can be read; null if there is none at all. One that cannot is skipped with a warning.
 * @throws CheckpointError if there are some and none can be read
 */
export async function readNewestCheckpoint(
  folder: string,
  model: Model,
  log: Log,
  files: FileOperations = realFiles,
): Promise<FoundCheckpoint | null> {
  const all = await listCheckpoints(folder, files);
  for (const { name } of all) {
    const path = join(folder, name);
    try {
      return { path, checkpoint: decodeCheckpoint(model, await files.readFile(path)) };
    } catch (error) {
      log.warn(`Checkpoint ${path} cannot be read and is skipped: ${reasonOf(error)}`);
    }
  }
  if (all.length === 0) return null;
  throw new CheckpointError(
    `None of the ${all.length} checkpoints in ${folder} can be read. Remove the run folder and start anew, or put back a copy of a checkpoint.`,
  );
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
