import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A block in use gives a sign every fifteen seconds: after this long without one it is in nobody's hand. */
const inUseMs = 60_000;

interface BlockFile {
  hash: string;
  path: string;
  sizeBytes: number;
  /** When it was written, or last said that it is in use. */
  usedMs: number;
}

export const blockPath = (folder: string, hash: string): string => join(folder, `${hash}.block`);

/**
 * The blocks to remove so that the others take at most `maxBytes`, longest unused first. Those in use stay, even if they are
 * more than that: to take them away would only mean to fetch them again.
 */
export function oldestBeyond(folder: string, maxBytes: number, nowMs: number): BlockFile[] {
  const files = list(folder).toSorted((a, b) => a.usedMs - b.usedMs);
  let total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const surplus: BlockFile[] = [];
  for (const file of files) {
    if (total <= maxBytes || nowMs - file.usedMs < inUseMs) break;
    surplus.push(file);
    total -= file.sizeBytes;
  }
  return surplus;
}

function list(folder: string): BlockFile[] {
  return readdirSync(folder).flatMap((name) => {
    const hash = /^([0-9a-f]{64})\.block$/.exec(name)?.[1];
    if (hash === undefined) return [];
    const path = join(folder, name);
    // Another process may just have removed it.
    const status = statSync(path, { throwIfNoEntry: false });
    return status === undefined ? [] : [{ hash, path, sizeBytes: status.size, usedMs: status.mtimeMs }];
  });
}
