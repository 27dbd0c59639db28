import { connect } from 'amqplib';
import { realTimers, type Timers } from '../timers.js';

/** What the transport tells a log; the one of src/metrics fits. */
export interface TransportLog {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
}

/** What amqps:// needs beyond its address. The broker's certificate and its name are always checked. */
export interface TlsOptions {
  /** PEM: the authorities to trust in place of those that Node knows. */
  ca?: Buffer;
  /** PEM: this side's certificate and its key, for a broker that asks for one. */
  cert?: Buffer;
  key?: Buffer;
  /** The name that the broker's certificate must have. Default: the host of the URL. */
  serverName?: string;
}

export interface RabbitOptions {
  /** amqp://user:password@host:5672/vhost, or amqps:// */
  url: string;
  /** For amqps://. */
  tls?: TlsOptions;
  /** One attempt to connect. Default 10 s. */
  connectTimeoutMs?: number;
  /** How long to try to get back a broker that was there and went. Default 5 min. */
  retryForMs?: number;
  /** How long to wait at the start for a broker that is not there yet. Default 0: fail at once. */
  waitForBrokerMs?: number;
  /** Either side takes the other for dead after two to three of these without a sign. Default 10 s. */
  heartbeatMs?: number;
  /** Shown in the broker's list of connections. */
  connectionName?: string;
  log?: TransportLog;
  /** In [0, 1). Default Math.random: spreads reconnect attempts, decides nothing else. */
  random?: () => number;
  /** Monotonic. Default performance.now. */
  now?: () => number;
  /** Default: those of the process. */
  timers?: Timers;
  /** Opens a connection. Default: amqplib's. */
  connect?: typeof connect;
}

export type ResolvedOptions = Required<RabbitOptions>;

const quietLog: TransportLog = { info: () => undefined, warn: () => undefined };

export function resolveOptions(options: RabbitOptions): ResolvedOptions {
  return {
    tls: {},
    connectTimeoutMs: 10_000,
    retryForMs: 300_000,
    waitForBrokerMs: 0,
    heartbeatMs: 10_000,
    connectionName: 'onko',
    log: quietLog,
    random: Math.random,
    now: () => performance.now(),
    timers: realTimers,
    connect,
    ...options,
  };
}
