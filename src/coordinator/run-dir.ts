import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Log } from '../metrics/index.js';
import {
  canonicalJson,
  errorCode,
  type FileOperations,
  makeFolder,
  OutputError,
  outputError,
  realFiles,
  removeLeftovers,
  writeAtomically,
} from '../store/index.js';
import { CheckpointError, ResumeMismatchError, RunFolderError } from './errors.js';

const summarySchema = z.strictObject({
  modelSha256: z.string(),
  steps: z.int().min(0),
  epochs: z.int().min(0),
  trainLoss: z.number().nullable(),
  validationAccuracy: z.number().nullable(),
  modelEpoch: z.int().positive().optional(),
  imagesPerSecond: z.number(),
  seconds: z.number(),
});

const runFileSchema = z.strictObject({
  format: z.literal('onko-run-1'),
  run: z.string(),
  spec: z.unknown(),
  dataHash: z.string(),
  numericsId: z.string(),
  onkoVersion: z.string(),
  /** Null until the last epoch is done and the model written. */
  finished: summarySchema.nullable(),
});

/** run.json: what the folder holds. */
export type RunFile = z.infer<typeof runFileSchema>;
export type FinishedRun = z.infer<typeof summarySchema>;

/** What fixes the bits of a run; a folder can only be resumed with the same. */
export interface RunIdentity {
  spec: unknown;
  dataHash: string;
  numericsId: string;
}

export interface RunPaths {
  runFile: string;
  fence: string;
  checkpoints: string;
  model: string;
  history: string;
  curves: string;
}

export function runPaths(outDir: string): RunPaths {
  return {
    runFile: join(outDir, 'run.json'),
    fence: join(outDir, 'fence'),
    checkpoints: join(outDir, 'checkpoints'),
    model: join(outDir, 'model.safetensors'),
    history: join(outDir, 'history.csv'),
    curves: join(outDir, 'curves.png'),
  };
}

/**
 * Opens the folder for a run: makes it, or finds the run in it.
 *
 * @throws RunFolderError a run is there and resuming was not asked for
 * @throws ResumeMismatchError the run there has another spec, other data or other numerics
 * @throws CheckpointError run.json is damaged
 */
export async function openRunFolder(
  outDir: string,
  resume: boolean,
  identity: RunIdentity,
  onkoVersion: string,
  log: Log,
  files: FileOperations = realFiles,
  runName: string | null = null,
): Promise<{ file: RunFile; isNew: boolean }> {
  const paths = runPaths(outDir);
  await makeFolder(outDir, files);
  const file = await readRunFile(paths.runFile, files);
  if (file !== null) {
    if (!resume) throw alreadyHolds(outDir, file);
    if (runName !== null && runName !== file.run) {
      throw new ResumeMismatchError(
        `The run in ${outDir} is named ${file.run}, not ${runName}: leave out --run, or name another folder with --out.`,
      );
    }
    checkIdentity(outDir, file, identity);
    await makeFolder(paths.checkpoints, files);
    for (const folder of [outDir, paths.checkpoints]) await removeLeftovers(folder, files);
    return { file, isNew: false };
  }
  const names = await files.readdir(paths.checkpoints).catch(() => []);
  if (names.length > 0) {
    const message = `${outDir} holds checkpoints but no run.json, so it cannot be said whose they are. Name another folder with --out.`;
    throw resume ? new CheckpointError(message) : new RunFolderError(message);
  }
  if (resume) log.info(`There is no run in ${outDir} to go on with: it starts from the beginning.`);
  await makeFolder(paths.checkpoints, files);
  const fresh: RunFile = {
    format: 'onko-run-1',
    run: runName ?? `run-${randomBytes(6).toString('hex')}`,
    ...identity,
    onkoVersion,
    finished: null,
  };
  await writeRunFile(outDir, fresh, files);
  return { file: fresh, isNew: true };
}

/**
 * What can be said of the folder of a run before there is anything to put into it. Changes nothing.
 *
 * @throws RunFolderError if a run is in it and none is to be resumed; OutputError if it cannot be written; CheckpointError
 */
export async function checkRunFolder(
  outDir: string,
  resume: boolean,
  files: FileOperations = realFiles,
): Promise<void> {
  const existing = await nearestExisting(outDir, files);
  if (existing === outDir) {
    const file = await readRunFile(runPaths(outDir).runFile, files);
    if (file !== null && !resume) throw alreadyHolds(outDir, file);
  }
  try {
    await files.access(existing, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw outputError(outDir, error);
  }
}

/** The folder itself, or the nearest one above it that is there. */
async function nearestExisting(path: string, files: FileOperations): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    try {
      if ((await files.stat(at)).isDirectory()) return at;
    } catch (error) {
      if (errorCode(error) === 'ENOENT' && dirname(at) !== at) continue;
      throw outputError(path, error);
    }
    throw new OutputError(
      `Cannot write ${path}: a file stands where a folder is needed (${at}). Move it away or choose another folder.`,
    );
  }
}

function alreadyHolds(outDir: string, { run }: RunFile): RunFolderError {
  return new RunFolderError(
    `${outDir} already holds run ${run}. Go on with it by --resume, or name another folder with --out.`,
  );
}

export async function writeRunFile(
  outDir: string,
  file: RunFile,
  files: FileOperations = realFiles,
): Promise<void> {
  await writeAtomically(runPaths(outDir).runFile, `${JSON.stringify(file, null, 2)}\n`, files);
}

async function readRunFile(path: string, files: FileOperations): Promise<RunFile | null> {
  const text = await readText(path, files);
  if (text === null) return null;
  try {
    return runFileSchema.parse(JSON.parse(text));
  } catch {
    throw new CheckpointError(
      `${path} is damaged or of another version of Onko. Put back a copy, or name another folder with --out.`,
    );
  }
}

/** Names every part that differs, with both values. */
function checkIdentity(outDir: string, file: RunFile, identity: RunIdentity): void {
  const differences = describeDifferences('', file.spec, identity.spec);
  if (file.dataHash !== identity.dataHash) {
    differences.push(
      `the data (hash ${file.dataHash.slice(0, 12)} there, ${identity.dataHash.slice(0, 12)} here)`,
    );
  }
  if (file.numericsId !== identity.numericsId) {
    differences.push(`the numerics (${file.numericsId} there, ${identity.numericsId} here)`);
  }
  if (differences.length === 0) return;
  throw new ResumeMismatchError(
    `The run in ${outDir} cannot be resumed, it differs in ${differences.join(', ')}. Repeat the options of its start, or name another folder with --out.`,
  );
}

function describeDifferences(path: string, there: unknown, here: unknown): string[] {
  if (canonicalJson(there) === canonicalJson(here)) return [];
  if (isRecord(there) && isRecord(here)) {
    const keys = [...new Set([...Object.keys(there), ...Object.keys(here)])].toSorted();
    return keys.flatMap((key) =>
      describeDifferences(path === '' ? key : `${path}.${key}`, there[key], here[key]),
    );
  }
  return [`${path} (${brief(there)} there, ${brief(here)} here)`];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function brief(value: unknown): string {
  const text = value === undefined ? 'nothing' : canonicalJson(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Puts the fence on disk, before it is used: results for an earlier coordinator are told from ours. */
export async function writeFence(
  outDir: string,
  fence: number,
  files: FileOperations = realFiles,
): Promise<void> {
  await writeAtomically(runPaths(outDir).fence, `${fence}\n`, files);
}

/** The fence on disk; 0 if there is none that can be read. */
export async function readFence(outDir: string, files: FileOperations = realFiles): Promise<number> {
  const text = await readText(runPaths(outDir).fence, files);
  const fence = Number(text?.trim() ?? Number.NaN);
  return Number.isSafeInteger(fence) && fence > 0 ? fence : 0;
}

async function readText(path: string, files: FileOperations): Promise<string | null> {
  try {
    return await files.readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw outputError(path, error);
  }
}
