import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const run = promisify(execFile);

/** The way of one process to the broker. */
export interface Link {
  /** The broker's address at this end of the way. */
  brokerUrl: string;
  /** Command that a process is started through, so that it has this way and no other. */
  through: readonly string[];
  cut(how: 'reset' | 'silent'): Promise<void>;
  slow(bytesPerSecond: number): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** Works everywhere: a TCP proxy in this process. */
export async function openProxyLink(brokerUrl: string): Promise<Link> {
  const proxy = await proxyTo(brokerUrl, '127.0.0.1');
  return {
    brokerUrl: at(brokerUrl, '127.0.0.1', proxy.port),
    through: [],
    cut: async (how) => (how === 'reset' ? proxy.cut() : proxy.silence()),
    slow: async (bytesPerSecond) => proxy.slow(bytesPerSecond),
    mend: async () => proxy.restore(),
    close: () => proxy.close(),
  };
}

/** null if this process may make network namespaces, else why not. */
export async function whyNoNamespaces(): Promise<string | null> {
  const probe = `onko-probe-${process.pid}`;
  try {
    await ip('netns', 'add', probe);
    await ip('netns', 'exec', probe, 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'tbf', ...bucket(100_000));
    return null;
  } catch (error) {
    const [first = ''] = error instanceof Error ? error.message.trim().split('\n').toReversed() : [];
    return first === '' ? String(error) : first;
  } finally {
    await ip('netns', 'del', probe).catch(() => undefined);
  }
}

let count = 0;

/**
 * Each in a network namespace of its own, at one end of a cable of the kernel's: packets get lost when the interface is
 * down, and wait their turn in a token bucket. What leads from the cable's other end to the broker is a TCP proxy, since
 * brokers listen on loopback.
 */
export async function openNamespaceLink(brokerUrl: string): Promise<Link> {
  const number = count++;
  const name = `onko-${process.pid}-${number}`;
  const [here, there] = [`ok${process.pid % 1_000_000}h${number}`, `ok${process.pid % 1_000_000}t${number}`];
  const first = 4 * ((process.pid * 64 + number) % 32_768);
  const [hostAddress, guestAddress] = [addressOf(first + 1), addressOf(first + 2)];
  const undo = async (): Promise<void> => {
    await ip('link', 'del', here).catch(() => undefined);
    await ip('netns', 'del', name).catch(() => undefined);
  };
  let proxy: TcpProxy;
  try {
    await ip('netns', 'add', name);
    await ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', name);
    await ip('addr', 'add', `${hostAddress}/30`, 'dev', here);
    await ip('link', 'set', here, 'up');
    await ip('-n', name, 'addr', 'add', `${guestAddress}/30`, 'dev', there);
    for (const device of ['lo', there]) await ip('-n', name, 'link', 'set', device, 'up');
    proxy = await proxyTo(brokerUrl, hostAddress);
  } catch (error) {
    await undo();
    throw error;
  }
  const shape = async (...how: string[]): Promise<void> => {
    await run('tc', ['qdisc', ...how.map((word) => (word === 'DEV' ? here : word))]);
    await ip('netns', 'exec', name, 'tc', 'qdisc', ...how.map((word) => (word === 'DEV' ? there : word)));
  };
  return {
    brokerUrl: at(brokerUrl, hostAddress, proxy.port),
    through: ['ip', 'netns', 'exec', name],
    cut: async (how) => {
      if (how === 'reset') proxy.cut();
      else await ip('link', 'set', here, 'down');
    },
    slow: (bytesPerSecond) => shape('replace', 'dev', 'DEV', 'root', 'tbf', ...bucket(bytesPerSecond)),
    mend: async () => {
      proxy.restore();
      await ip('link', 'set', here, 'up');
      await shape('del', 'dev', 'DEV', 'root').catch(() => undefined);
    },
    close: async () => {
      await proxy.close();
      await undo();
    },
  };
}

/** 198.18.0.0/15 is for tests of networks (RFC 2544): four addresses for each cable. */
const addressOf = (n: number): string => `198.${18 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;

const bucket = (bytesPerSecond: number): string[] =>
  `rate ${bytesPerSecond * 8}bit burst 16kb latency 400ms`.split(' ');

async function ip(...args: string[]): Promise<void> {
  await run('ip', args);
}

function proxyTo(brokerUrl: string, listenHost: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(brokerUrl);
  return startTcpProxy(Number(port), hostname, listenHost);
}

function at(brokerUrl: string, host: string, port: number): string {
  const url = new URL(brokerUrl);
  url.hostname = host;
  url.port = String(port);
  return url.href;
}
