import { mkdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { surveyDataSet } from '../../data/index.js';
import { lastModel } from '../folders.js';
import { bad, type Finding, failed, note, ok } from './finding.js';

/** Free space below which a folder for output is of little use, and of none. */
const scarceBytes = 2 ** 30;
const uselessBytes = 64 * 2 ** 20;

/** The folder for packed data sets and data blocks, made if it is not there: a command would make it, too. */
export async function checkCache(cacheDir: string): Promise<Finding> {
  const remedy = 'Choose another one with --cache-dir.';
  try {
    await mkdir(cacheDir, { recursive: true });
  } catch (error) {
    return bad('cache', 7, `${cacheDir} cannot be written (${codeOf(error)})`, remedy);
  }
  return checkRoom('cache', cacheDir, cacheDir, 'Make room, or choose another folder with --cache-dir.');
}

/** The folder for runs; not made before there is one. */
export async function checkOut(outDir: string): Promise<Finding> {
  let there = resolve(outDir);
  while (!(await exists(there)) && dirname(there) !== there) there = dirname(there);
  return checkRoom('runs', outDir, there, 'Make room, or choose another folder with --out.');
}

/** Writes and removes an empty file in `folder`, and looks how much space there is. */
async function checkRoom(what: string, shown: string, folder: string, remedy: string): Promise<Finding> {
  const probe = join(folder, `.onko-doctor-${Date.now()}`);
  try {
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    return bad(what, 7, `${shown} cannot be written (${codeOf(error)})`, remedy);
  }
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  const says = `${shown} can be written, ${roomText(freeBytes)} free`;
  if (freeBytes < uselessBytes) return bad(what, 7, says, remedy);
  if (freeBytes < scarceBytes) return note(what, says, remedy);
  return ok(what, says);
}

function roomText(bytes: number): string {
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}

/** What is in the data folder, by names alone. */
export async function checkData(dataDir: string): Promise<Finding> {
  try {
    const folders = await surveyDataSet(dataDir);
    const counts = folders.map(({ folder, images }) => `${folder} ${images}`).join(', ');
    const rejects = folders.reduce((sum, one) => sum + one.rejects, 0);
    const says = `images with labels: ${counts}`;
    if (rejects === 0) return ok('data', says);
    return note(
      'data',
      `${says}; ${rejects} rows that cannot be used`,
      'A run names each in its log, and stops before it trains if there are more than --max-rejects.',
    );
  } catch (error) {
    return failed('data', error);
  }
}

export async function checkLastModel(env: Readonly<Record<string, string | undefined>>): Promise<Finding> {
  const path = await lastModel(env).catch(() => null);
  if (path === null) return ok('last run', 'none yet');
  return (await exists(path))
    ? ok('last run', path)
    : note('last run', `${path}, which is no longer there`, 'Name a model with --model, or train one.');
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}
