import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Files read at once. */
const atOnce = 16;

/**
 * SHA-256 of what was evaluated: of every image in the order of the names, its name, a zero byte, its label, and the SHA-256 of its
 * file. Equal for equal images and labels, wherever they lie.
 */
export async function dataSha256(
  folder: string,
  names: readonly string[],
  labels: Uint8Array,
): Promise<string> {
  const order = names
    .map((name, i) => ({ name, label: labels[i] }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const whole = createHash('sha256');
  for (let first = 0; first < order.length; first += atOnce) {
    const some = order.slice(first, first + atOnce);
    const files = await Promise.all(some.map(({ name }) => readFile(join(folder, name))));
    for (const [i, { name, label }] of some.entries()) {
      whole.update(`${name}\0`).update(Uint8Array.of(label));
      whole.update(createHash('sha256').update(files[i]).digest());
    }
  }
  return whole.digest('hex');
}
