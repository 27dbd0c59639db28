import type { ConnectionOptions } from 'node:tls';
import type { ChannelModel } from 'amqplib';
import { pauseFor, type Timers } from '../timers.js';
import { type BrokerAddress, connectOptions } from './address.js';
import { explainConnectError } from './connect-errors.js';
import { spareCopies } from './frames.js';
import type { ResolvedOptions, TlsOptions } from './options.js';

/** One connection. BrokerError if it cannot be had. */
export async function openConnection(
  address: BrokerAddress,
  options: ResolvedOptions,
  purpose: string,
): Promise<ChannelModel> {
  const heartbeatSeconds = Math.max(1, Math.round(options.heartbeatMs / 1_000));
  try {
    const connection = await options.connect(connectOptions(address, heartbeatSeconds), {
      // Nagle's algorithm makes every confirmed message wait for a delayed acknowledgement: 44 ms instead of 1.
      noDelay: true,
      keepAlive: true,
      timeout: options.connectTimeoutMs,
      ...(address.secure ? tlsSocket(options.tls) : {}),
      clientProperties: { connection_name: `${options.connectionName} (${purpose})` },
    });
    // Without a listener an 'error' would end the process; the 'close' that follows carries the reason.
    connection.on('error', () => undefined);
    spareCopies(connection);
    return connection;
  } catch (error) {
    throw explainConnectError(error, address, options.connectTimeoutMs, options.tls);
  }
}

type TlsSocket = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized' | 'minVersion'
>;

/** What Node's TLS socket wants to know. Said outright: no environment variable may switch the checks off. */
function tlsSocket({ ca, cert, key, serverName }: TlsOptions): TlsSocket {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
  };
}

const politeMs = 1_000;

/**
 * Closes a connection in whatever state it is: with the closing handshake if the broker answers within a second, else
 * by dropping the socket, which otherwise might keep the process alive for minutes. Never rejects.
 */
export async function closeConnection(connection: ChannelModel, timers: Timers): Promise<void> {
  const closed = new AbortController();
  await Promise.race([
    Promise.resolve()
      .then(() => connection.close())
      .catch(() => undefined),
    pauseFor(timers, politeMs, closed.signal),
  ]);
  closed.abort();
  const stream: unknown = Reflect.get(connection.connection, 'stream');
  if (stream instanceof Object && 'destroy' in stream && typeof stream.destroy === 'function')
    stream.destroy();
}
