import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** SHA-256 of the model in a run folder, in hex: equal for equal bits. */
export async function modelSha256(runDir: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(join(runDir, 'model.safetensors')))
    .digest('hex');
}
