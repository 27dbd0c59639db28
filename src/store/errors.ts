/** A file or folder cannot be written: full disk, no permission, a file where a folder should be. Exit code 7. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
}

/** A model file cannot be used: missing, damaged, or not one of Onko's. Exit code 5. */
export class ModelFileError extends Error {
  override readonly name = 'ModelFileError';
}

/** `ENOSPC` and the like, of whatever a file operation threw; empty if it has none. */
export function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** What a failed write means, as a sentence a user can act on. */
export function outputError(path: string, cause: unknown): OutputError {
  if (cause instanceof OutputError) return cause;
  return new OutputError(`Cannot write ${path}: ${explain(cause)}`, { cause });
}

function explain(cause: unknown): string {
  switch (errorCode(cause)) {
    case 'ENOSPC':
      return 'the disk is full. Free some space or choose another folder.';
    case 'EDQUOT':
      return 'your disk quota is used up. Free some space or choose another folder.';
    case 'EFBIG':
      return 'no file may grow that large here. Raise the limit (ulimit -f) or choose another folder.';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied. Choose a folder you may write to, or change its permissions.';
    case 'EROFS':
      return 'that file system is read-only. Choose another folder.';
    case 'ENOENT':
      return 'its folder does not exist. Create it first or choose another one.';
    case 'ENOTDIR':
    case 'EEXIST':
      return 'a file stands where a folder is needed. Move it away or choose another folder.';
    case 'EISDIR':
      return 'a folder of that name is already there. Choose another name.';
    case 'ENAMETOOLONG':
      return 'the name is too long. Choose a shorter one.';
    case 'EMFILE':
    case 'ENFILE':
      return 'too many files are open. Raise the limit (ulimit -n) and try again.';
    case 'EIO':
      return 'the disk reports an input/output error. Check the disk, and choose another one.';
    default:
      return `${cause instanceof Error ? cause.message : String(cause)}. Choose another folder.`;
  }
}
