import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from './errors.js';
import { resolveOptions, type Sources } from './options/resolve.js';
import { trainTable } from './options/tables.js';

/**
 * With --resume: the spec in RUN_DIR/run.json as option values, so that a resumed run needs no option repeated. Without a run in
 * the folder, nothing: the coordinator starts one, or says what is wrong with the folder.
 * @throws UsageError if --resume stands without --out
 */
export async function storedRun(sources: Sources): Promise<Record<string, unknown>> {
  const { resume, out } = resolveOptions({ resume: trainTable.resume, out: trainTable.out }, sources);
  if (!resume) return {};
  if (out === null) throw new UsageError('--resume needs --out RUN_DIR: say which run to go on with.');
  const spec = await readSpec(join(out, 'run.json'));
  return spec === null ? {} : optionsOf(spec);
}

async function readSpec(path: string): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null || !('spec' in parsed)) return null;
    return typeof parsed.spec === 'object' && parsed.spec !== null ? { ...parsed.spec } : null;
  } catch {
    return null;
  }
}

/** Names of the training spec → names of the options. What is off is absent from a spec, and said here. */
function optionsOf(spec: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { learningRate, clipNorm, trainFolders, averaging, mode, gradients, ...same } = spec;
  const off = {
    augmentation: null,
    labelSmoothing: 0,
    classWeights: null,
    keep: 'last',
    patience: null,
    delay: 0,
    weightsDtype: 'f32',
  };
  const decay =
    typeof averaging === 'object' && averaging !== null && 'decay' in averaging ? averaging.decay : null;
  const renamed = { lr: learningRate, clip: clipNorm, train: trainFolders, averaging: decay };
  const all = { ...off, ...same, ...renamed, ...modeOptions(mode), ...gradientOptions(gradients) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};

function modeOptions(mode: unknown): Record<string, unknown> {
  const { type = 'exact', localSteps, replicas, outer, staleness } = record(mode);
  const { learningRate, momentum } = record(outer);
  return { mode: type, staleness, localSteps, replicas, outerLr: learningRate, outerMomentum: momentum };
}

function gradientOptions(gradients: unknown): Record<string, unknown> {
  const { type = 'f32', blocks, density } = record(gradients);
  return { gradients: type, gradientBlocks: blocks, gradientDensity: density };
}
