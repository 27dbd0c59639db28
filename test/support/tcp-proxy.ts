import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A TCP connection to somewhere that can be cut, and can be slow. */
export interface TcpProxy {
  port: number;
  /** Drops all connections as if the cable was pulled; new ones are refused until `restore`. */
  cut(): void;
  /** Lets nothing through, in either direction, until `restore`: neither side is told. */
  silence(): void;
  /** From now on at most so many bytes per second, in each direction of each connection, until `restore`. */
  slow(bytesPerSecond: number): void;
  restore(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(
  targetPort: number,
  targetHost = '127.0.0.1',
  listenHost = '127.0.0.1',
): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let open = true;
  let bytesPerSecond = Number.POSITIVE_INFINITY;
  let silence: Silence | null = null;
  const quietEnds = async (): Promise<void> => {
    for (let now = silence; now !== null; now = silence) await now.over;
  };

  const forward = async (from: Socket, to: Socket): Promise<void> => {
    for await (const chunk of from) {
      const bytes: Buffer = chunk;
      await quietEnds();
      if (bytesPerSecond < Number.POSITIVE_INFINITY) await sleep((1000 * bytes.length) / bytesPerSecond);
      if (to.destroyed) return;
      if (!to.write(bytes)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
    }
    await quietEnds();
    to.end();
  };

  const server = createServer((incoming) => {
    if (!open) {
      incoming.destroy();
      return;
    }
    const outgoing = connect(targetPort, targetHost);
    for (const [one, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      one.setNoDelay(true);
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => sockets.delete(one));
      forward(one, other).catch(() => other.destroy());
    }
  });
  server.listen(0, listenHost);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Expected a port.');

  const cut = (): void => {
    open = false;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const restore = (): void => {
    open = true;
    bytesPerSecond = Number.POSITIVE_INFINITY;
    silence?.end();
    silence = null;
  };
  return {
    port: address.port,
    cut,
    silence: () => {
      silence ??= beginSilence();
    },
    slow: (rate) => {
      bytesPerSecond = rate;
    },
    restore,
    close: async () => {
      cut();
      silence?.end();
      silence = null;
      server.close();
      await once(server, 'close');
    },
  };
}

interface Silence {
  over: Promise<void>;
  end(): void;
}

function beginSilence(): Silence {
  const ended = new AbortController();
  return { over: once(ended.signal, 'abort').then(() => undefined), end: () => ended.abort() };
}
