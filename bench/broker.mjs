// The broker of a measurement: the one that is named, or a private one that goes when we go.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { register } from 'node:module';

/** @returns {Promise<{ url: string, pid: number | null, stop: () => Promise<void> }>} `pid`: null where it is not on this machine */
export async function brokerOf(url) {
  if (url !== undefined) return { url, pid: listenerOf(portOf(url)), stop: async () => undefined };
  register('../test/support/to-dist.mjs', import.meta.url);
  const support = new URL('../.test-programs/test/support/', import.meta.url);
  const { findOrInstallServer } = await import(new URL('install-broker.js', support).href);
  const { startBroker } = await import(new URL('start-broker.js', support).href);
  const broker = await startBroker(await findOrInstallServer());
  return { url: broker.url, pid: listenerOf(portOf(broker.url)), stop: broker.stop };
}

const portOf = (url) => Number(new URL(url).port || 5672);

/** The process of this machine that listens on a TCP port; null if there is none that may be looked at. Linux only. */
function listenerOf(port) {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const listening = '0A';
  const inodes = new Set();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readOr(() => readFileSync(table, 'utf8'), '')
      .split('\n')
      .slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === listening && local?.endsWith(`:${hex}`)) inodes.add(`socket:[${inode}]`);
    }
  }
  for (const pid of readOr(() => readdirSync('/proc'), []).filter((name) => /^\d+$/.test(name))) {
    for (const fd of readOr(() => readdirSync(`/proc/${pid}/fd`), []))
      if (inodes.has(readOr(() => readlinkSync(`/proc/${pid}/fd/${fd}`), ''))) return Number(pid);
  }
  return null;
}

function readOr(read, otherwise) {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
