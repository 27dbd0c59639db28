import { readFileSync } from 'node:fs';

/** Version of this package, as its package.json says. */
export function packageVersion(): string {
  const path = new URL('../../package.json', import.meta.url);
  const described: { version: string } = JSON.parse(readFileSync(path, 'utf8'));
  return described.version;
}
