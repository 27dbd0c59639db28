import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

/** Every thread of a worker hashes the blocks that it finds; read whole, each would leave megabytes of garbage behind. */
const chunkBytes = 65_536;

/** SHA-256 as 64 hex digits. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** SHA-256 of a file's bytes; throws what the file system throws. */
export function sha256OfFile(path: string): string {
  const hash = createHash('sha256');
  const chunk = new Uint8Array(chunkBytes);
  const file = openSync(path, 'r');
  try {
    for (;;) {
      const count = readSync(file, chunk);
      if (count === 0) return hash.digest('hex');
      hash.update(chunk.subarray(0, count));
    }
  } finally {
    closeSync(file);
  }
}
