import { statSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { DataError } from '../errors.js';

export interface ListedFile {
  name: string;
  sizeBytes: number;
  modifiedMs: number;
}

/** The regular files of a folder, sorted by name (by code units: the same order on every machine). */
export interface FolderListing {
  path: string;
  files: ListedFile[];
}

/** @throws DataError if the folder is missing, is none, cannot be read or holds no files */
export async function listFolder(path: string): Promise<FolderListing> {
  let names: string[];
  try {
    if (!(await stat(path)).isDirectory())
      throw new DataError(`${path} is a file; a folder of images was expected.`);
    names = await readdir(path);
  } catch (error) {
    throw readError(error, path, 'folder', 'Check the path: it should be a folder of images.');
  }
  const files: ListedFile[] = [];
  for (const [index, name] of names.toSorted().entries()) {
    if (name.startsWith('.')) continue;
    // One after the other and synchronously: tens of thousands of promises take ten times as long. The loop is let go regularly.
    if (index % 2048 === 2047) await setImmediate();
    const status = statSync(join(path, name), { throwIfNoEntry: false });
    if (status?.isFile() === true) files.push({ name, sizeBytes: status.size, modifiedMs: status.mtimeMs });
  }
  if (files.length === 0) throw new DataError(`The folder ${path} is empty: images were expected in it.`);
  return { path, files };
}

/** Millions of rows; NumtaDB's largest has 2 MB. */
const maxLabelBytes = 64 * 2 ** 20;

/** FOLDER.csv beside FOLDER. @throws DataError if it cannot be read or is far too large */
export async function readLabelFile(folder: string): Promise<{ path: string; bytes: Uint8Array }> {
  const path = `${folder}.csv`;
  try {
    const { size } = await stat(path);
    if (size > maxLabelBytes) {
      const found = `${Math.ceil(size / 2 ** 20)} MiB`;
      throw new DataError(
        `The label file ${path} has ${found}, at most ${maxLabelBytes / 2 ** 20} are read: is it the one?`,
      );
    }
    return { path, bytes: await readFile(path) };
  } catch (error) {
    throw readError(
      error,
      path,
      'label file',
      `The labels of ${basename(folder)} are expected there, with the columns filename and digit.`,
    );
  }
}

function readError(error: unknown, path: string, what: string, advice: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR')
    return new DataError(`The ${what} ${path} does not exist. ${advice}`);
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return new DataError(`The ${what} ${path} may not be read by this user.`);
  return new DataError(`The ${what} ${path} cannot be read: ${error.message}`);
}
