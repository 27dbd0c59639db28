import { randomUUID } from 'node:crypto';
import * as nodeFiles from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode, OutputError, outputError } from './errors.js';

/** The file operations that writing and a run folder need; tests give some that fail, and the simulator a disk of its own. */
export type FileOperations = Pick<
  typeof nodeFiles,
  'access' | 'mkdir' | 'open' | 'readdir' | 'readFile' | 'realpath' | 'rename' | 'rm' | 'stat' | 'unlink'
>;

export const realFiles: FileOperations = nodeFiles;

const temporaryPrefix = '.onko-';
const temporarySuffix = '.tmp';

/** A name in the folder that nobody else has, and by which `removeLeftovers` knows what a crash has left. */
export function temporaryPath(folder: string): string {
  return join(folder, `${temporaryPrefix}${randomUUID()}${temporarySuffix}`);
}

/**
 * Replaces a file as a whole: whoever reads it, whenever, finds the old content or the new, also after a crash or a power cut. The
 * bytes go to a temporary file beside it and to the disk, then take its name, then the folder goes to the disk. Of several
 * writers at once, one wins whole. A symbolic link is followed, not replaced.
 *
 * @param bytes a string is written as UTF-8
 * @throws OutputError; the old file is untouched then, and the temporary one gone
 */
export async function writeAtomically(
  path: string,
  bytes: Uint8Array | string,
  files: FileOperations = nodeFiles,
): Promise<void> {
  try {
    const target = await resolveTarget(path, files);
    const folder = dirname(target);
    const temporary = temporaryPath(folder);
    try {
      await writeAndSync(temporary, bytes, files);
      await files.rename(temporary, target);
    } catch (error) {
      // Best effort: the error that matters is the one already in hand.
      await files.unlink(temporary).catch(() => undefined);
      throw error;
    }
    await syncFolder(folder, files);
  } catch (error) {
    throw outputError(path, error);
  }
}

/** Where the bytes really go. Renaming over a device or a pipe would remove it, so only plain files are replaced. */
async function resolveTarget(path: string, files: FileOperations): Promise<string> {
  let existing: { isFile(): boolean; isDirectory(): boolean };
  try {
    existing = await files.stat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return path;
    throw error;
  }
  if (existing.isDirectory()) {
    throw new OutputError(
      `Cannot write ${path}: a folder of that name is already there. Choose another name.`,
    );
  }
  if (!existing.isFile()) {
    throw new OutputError(
      `Cannot write ${path}: it is a device or a pipe, not a plain file. Choose another name.`,
    );
  }
  return files.realpath(path);
}

async function writeAndSync(path: string, bytes: Uint8Array | string, files: FileOperations): Promise<void> {
  const handle = await files.open(path, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Some file systems and Windows cannot sync a folder; there, the rename alone has to do. */
const folderSyncUnsupported = new Set(['EISDIR', 'EPERM', 'EINVAL', 'ENOTSUP', 'EBADF', 'EACCES']);

async function syncFolder(folder: string, files: FileOperations): Promise<void> {
  try {
    const handle = await files.open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!folderSyncUnsupported.has(errorCode(error))) throw error;
  }
}

/** Creates a folder and those above it; one that is there already is fine. @throws OutputError */
export async function makeFolder(path: string, files: FileOperations = nodeFiles): Promise<void> {
  try {
    await files.mkdir(path, { recursive: true });
  } catch (error) {
    throw outputError(path, error);
  }
}

/**
 * Removes temporary files that killed processes left in a folder. Only for a folder that nobody else is writing to.
 *
 * @returns how many there were; a folder that is not there has none
 */
export async function removeLeftovers(folder: string, files: FileOperations = nodeFiles): Promise<number> {
  let names: string[];
  try {
    names = await files.readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return 0;
    throw outputError(folder, error);
  }
  const leftovers = names.filter(
    (name) => name.startsWith(temporaryPrefix) && name.endsWith(temporarySuffix),
  );
  for (const name of leftovers) {
    try {
      await files.unlink(join(folder, basename(name)));
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw outputError(join(folder, name), error);
    }
  }
  return leftovers.length;
}
