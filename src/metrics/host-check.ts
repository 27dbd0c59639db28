import { isIP } from 'node:net';

/**
 * Whether a request's Host header names this server. A page from elsewhere that has its own name point to this machine (DNS rebinding)
 * speaks to a loopback server as if it were its own; but its requests carry that name.
 *
 * @param bound the address that the server listens on. On a loopback address, only names of this machine pass, and `allowed`. On any
 * other one every name does, since nobody here knows them, unless `allowed` says which: then IP addresses and these.
 */
export function createHostCheck(
  bound: string,
  allowed: readonly string[] = [],
): (header: string | undefined) => boolean {
  const names = new Set(allowed.map((name) => name.toLowerCase()));
  const isLoopback = isLocal(bound.toLowerCase());
  return (header) => {
    // Only HTTP/1.0 comes without, and no browser speaks that.
    if (header === undefined) return true;
    if (!isLoopback && names.size === 0) return true;
    const name = nameIn(header);
    if (name === null) return false;
    return isLocal(name) || names.has(name) || (!isLoopback && isIP(name) !== 0);
  };
}

/** `Example.com:80` → `example.com`, `[::1]:80` → `::1`; null for what is no host. */
function nameIn(header: string): string | null {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@\s]+))(?::\d{0,5})?$/i.exec(header.trim());
  const name = found?.[1] ?? found?.[2];
  return name === undefined ? null : name.toLowerCase().replace(/\.$/, '');
}

function isLocal(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}
