/** The demo set cannot be drawn as asked, or not into this folder. Exit code 3. */
export class DemoSetError extends Error {
  override readonly name = 'DemoSetError';
}

/** The demo set cannot be written: disk full, no permission. Exit code 7. */
export class DemoOutputError extends Error {
  override readonly name = 'DemoOutputError';
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of the path is a file, not a folder',
};

/** A failed write in plain words; null if `code` is no failure of the disk or its permissions. */
export function outputError(folder: string, code: string | null): DemoOutputError | null {
  const reason = code === null ? undefined : reasons[code];
  if (reason === undefined) return null;
  return new DemoOutputError(
    `The demo set cannot be written to ${folder}: ${reason}. Free some space or choose another folder.`,
  );
}

/** The system's name of a failure, such as ENOSPC. */
export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error ? String(error.code) : null;
}
