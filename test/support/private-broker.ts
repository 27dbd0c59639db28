import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { type ErlangConsole, startErlangConsole } from './erlang-console.js';

/** Files for a broker, and lines of its configuration that name them. */
export interface BrokerSetup {
  /** Plugins to enable, on a broker that does not have them from the start as a container's has. */
  plugins?: readonly string[];
  files: Record<string, string>;
  /** `folder` is where the files are, `tls` where a TLS listener may be: an address and port, or a port. */
  configuration: (place: { folder: string; tls: string }) => string;
}

/** A RabbitMQ of our own, that goes when we go: a child process below one temporary folder, or a container. */
export interface PrivateBroker {
  /** amqp://guest:guest@HOST:PORT */
  url: string;
  /** Where a TLS listener is, if there is one: localhost:PORT */
  tlsPlace: string;
  /** Where the plugin rabbitmq_prometheus serves its pages, if it is enabled: HOST:PORT */
  metricsPlace: string;
  /** Stops the server, waits, and starts it again on the same port with the same data. Resolves when it is ready. */
  restart(downMs: number, how?: { hard: boolean }): Promise<void>;
  addVhost(name: string): Promise<void>;
  deleteVhost(name: string): Promise<void>;
  /** Evaluates an Erlang expression in the broker. */
  evaluate(expression: string): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Keeps the broker's processes. It obeys its standard input, and when that ends, because we stopped or were killed in
 * whatever way, it stops them and removes the folder.
 */
const keeper = `
epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 </dev/null >/dev/null 2>&1 &
names=$!
begin() { "$ONKO_SERVER" </dev/null >>"$ONKO_FOLDER/broker.log" 2>&1 & server=$!; }
end() { kill -TERM "$server" 2>/dev/null; wait "$server"; }
begin
while read -r order; do
  case "$order" in
    begin) begin ;;
    end) end ;;
    wait) wait "$server" ;;
  esac
  echo "$order"
done
end
kill "$names"
wait "$names"
rm -rf "$ONKO_FOLDER"
`;

const readyWithinMs = 90_000;
const stopWithinMs = 30_000;

/** Ports of 127.0.0.1 that nobody listens on, at this moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports: number[] = [];
  for (const server of servers) {
    if (!server.listening) await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('Expected a port.');
    ports.push(address.port);
  }
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return ports;
}

function environment(
  folder: string,
  script: string,
  ports: { amqp: number; dist: number; epmd: number },
): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    LANG: 'C.UTF-8',
    HOME: folder,
    ERL_CRASH_DUMP: join(folder, 'erl_crash.dump'),
    ONKO_FOLDER: folder,
    ONKO_SERVER: script,
    RABBITMQ_NODENAME: `onko${ports.amqp}@localhost`,
    RABBITMQ_NODE_PORT: String(ports.amqp),
    RABBITMQ_DIST_PORT: String(ports.dist),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_FEATURE_FLAGS_FILE: join(folder, 'flags'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
    RABBITMQ_GENERATED_CONFIG_DIR: join(folder, 'config'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
  };
}

/** Starts a broker with the server script given; rejects with the end of its log if it does not get ready. */
export async function startServer(script: string, setup?: BrokerSetup): Promise<PrivateBroker> {
  const [amqp = 0, dist = 0, epmd = 0, tls = 0, metrics = 0] = await freePorts(5);
  const plugins = setup?.plugins ?? [];
  const withMetrics = plugins.includes('rabbitmq_prometheus');
  const folder = await mkdtemp(join(tmpdir(), 'onko-broker-'));
  await writeFile(
    join(folder, 'rabbitmq.conf'),
    [
      `listeners.tcp.1 = 127.0.0.1:${amqp}`,
      'loopback_users = none',
      'disk_free_limit.absolute = 50MB',
      'log.console = true',
      'log.file = false',
      ...(withMetrics ? ['prometheus.tcp.ip = 127.0.0.1', `prometheus.tcp.port = ${metrics}`] : []),
      setup?.configuration({ folder, tls: `127.0.0.1:${tls}` }) ?? '',
      '',
    ].join('\n'),
  );
  for (const [name, content] of Object.entries(setup?.files ?? {}))
    await writeFile(join(folder, name), content);
  await writeFile(join(folder, 'plugins'), `[${plugins.join(',')}].\n`);
  const env = environment(folder, script, { amqp, dist, epmd });
  // In a session of its own: an interrupt from the keyboard is for the tests, which then stop the broker.
  const child = spawn('sh', ['-c', keeper], { env, stdio: ['pipe', 'pipe', 'ignore'], detached: true });
  child.stdin.on('error', () => undefined);
  const order = orders(child);
  const url = `amqp://guest:guest@127.0.0.1:${amqp}`;
  let erlang: ErlangConsole | null = null;

  const stop = async (): Promise<void> => {
    erlang?.close();
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.stdin.end();
    const late = new AbortController();
    await Promise.race([
      ended,
      sleep(stopWithinMs, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };

  try {
    await brokerReady(url, () => child.exitCode !== null);
  } catch (error) {
    const log = await readFile(join(folder, 'broker.log'), 'utf8').catch(() => '');
    await stop();
    throw new Error(`The private RabbitMQ did not start. The end of its log:\n${log.slice(-2_000)}`, {
      cause: error,
    });
  }

  const evaluate = (expression: string): Promise<string> => {
    erlang ??= startErlangConsole(`onko${amqp}@localhost`, `console${amqp}@localhost`, env);
    return erlang.evaluate(expression);
  };

  return {
    url,
    tlsPlace: `localhost:${tls}`,
    metricsPlace: `127.0.0.1:${metrics}`,
    addVhost: async (name) => {
      await evaluate(`ok = rabbit_vhost:add(<<"${name}">>, <<"test">>)`);
      const all = '<<".*">>, <<".*">>, <<".*">>';
      await evaluate(
        `rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"${name}">>, ${all}, <<"test">>)`,
      );
    },
    deleteVhost: async (name) => void (await evaluate(`rabbit_vhost:delete(<<"${name}">>, <<"test">>)`)),
    evaluate,
    restart: async (downMs, how = { hard: false }) => {
      if (how.hard) await evaluate('spawn(fun() -> timer:sleep(50), erlang:halt(137, [{flush, false}]) end)');
      await order(how.hard ? 'wait' : 'end');
      await sleep(downMs);
      await order('begin');
      await brokerReady(url, () => child.exitCode !== null);
    },
    stop,
  };
}

/** Sends the keeper an order; resolves when it is carried out. */
function orders(child: ChildProcess): (order: 'begin' | 'end' | 'wait') => Promise<void> {
  const waiting: (() => void)[] = [];
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', () => waiting.shift()?.());
  return (order) =>
    new Promise((resolve) => {
      waiting.push(resolve);
      child.stdin?.write(`${order}\n`);
    });
}

/** Resolves when the broker lets us in; rejects with what it says instead when it has `ended` or takes too long. */
export async function brokerReady(url: string, ended: () => boolean): Promise<void> {
  const deadline = performance.now() + readyWithinMs;
  for (;;) {
    try {
      const connection = await connect(url, { timeout: 5_000 });
      connection.on('error', () => undefined);
      await connection.close();
      return;
    } catch (error) {
      if (ended() || performance.now() > deadline) throw error;
    }
    await sleep(100);
  }
}
