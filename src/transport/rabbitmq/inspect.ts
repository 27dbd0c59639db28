import { once } from 'node:events';
import type { ChannelModel } from 'amqplib';
import { coordinatorsExchange, runTopology } from '../../protocol/index.js';
import { AccessRefusedError, LinkDownError } from '../errors.js';
import { pauseFor } from '../timers.js';
import { type BrokerAddress, parseBrokerUrl } from './address.js';
import { shortReason } from './connect-errors.js';
import { closeConnection, openConnection } from './connection.js';
import { openRabbitCoordinator } from './coordinator-link.js';
import { type RabbitOptions, type ResolvedOptions, resolveOptions } from './options.js';
import { partBytes } from './parts.js';
import { createPublisher } from './publisher.js';
import { openRabbitReducer } from './reducer-link.js';
import { openRabbitWorker } from './worker-link.js';

export const brokerRoles = ['coordinator', 'worker', 'reducer'] as const;
export type BrokerRole = (typeof brokerRoles)[number];

/** What a broker is, and what it lets an account do. No password in it. */
export interface BrokerInspection {
  host: string;
  user: string;
  vhost: string;
  /** As the broker calls itself: RabbitMQ, 3.10.8. */
  product: string;
  version: string;
  /** From nothing to an open connection, the handshake of TLS included. */
  connectMs: number;
  /** null: the account may do all that the role needs; else what was refused. */
  refusals: Record<BrokerRole, string | null>;
  /** A message as large as Onko's largest, sent and confirmed; null if the account may play no role. */
  largest: LargestMessage | null;
}

export type LargestMessage =
  | { outcome: 'confirmed'; sizeBytes: number; ms: number }
  /** The broker is short of memory or disk, and says of which. */
  | { outcome: 'blocked'; sizeBytes: number; why: string }
  | { outcome: 'refused'; sizeBytes: number; why: string };

/** How long a broker may take to confirm one message before it counts as blocked. */
const patienceMs = 10_000;

/**
 * Tries a broker as a coordinator, a worker and a reducer would use it, under a `name` that nobody else has: queues are declared and
 * removed, one message is sent to nobody. It does not disturb runs.
 *
 * @throws BrokerError if it cannot be reached, or does not let the account in
 */
export async function inspectRabbit(given: RabbitOptions & { name: string }): Promise<BrokerInspection> {
  const options = resolveOptions({ ...given, retryForMs: 0 });
  const address = parseBrokerUrl(options.url);
  const startMs = options.now();
  const connection = await openConnection(address, options, 'looks');
  const connectMs = options.now() - startMs;
  try {
    const refusals = {
      coordinator: await refusal(async () => {
        const link = await openRabbitCoordinator(address, options, given.name);
        await link.deleteRun();
        await link.close();
      }),
      worker: await refusal(async () => {
        const link = await openRabbitWorker(address, options, given.name);
        await link.close();
      }),
      reducer: await refusal(async () => {
        const link = await openRabbitReducer(address, options, given.name);
        await link.close();
      }),
    };
    // Where each role may write to without anybody to read it.
    const mayBeMember = refusals.worker === null || refusals.reducer === null;
    const exchange = refusals.coordinator === null ? '' : mayBeMember ? coordinatorsExchange : null;
    return {
      host: address.host,
      user: address.user,
      vhost: address.vhost,
      ...identityOf(connection),
      connectMs,
      refusals,
      largest:
        exchange === null ? null : await sendLargest(connection, address, options, exchange, given.name),
    };
  } finally {
    await closeConnection(connection, options.timers);
  }
}

async function refusal(attempt: () => Promise<void>): Promise<string | null> {
  try {
    await attempt();
    return null;
  } catch (error) {
    if (error instanceof AccessRefusedError) return error.message;
    throw error;
  }
}

function identityOf(connection: ChannelModel): { product: string; version: string } {
  const { product, version } = connection.connection.serverProperties;
  return { product, version };
}

async function sendLargest(
  connection: ChannelModel,
  address: BrokerAddress,
  { now, timers }: ResolvedOptions,
  exchange: string,
  name: string,
): Promise<LargestMessage> {
  const sizeBytes = partBytes;
  const over = new AbortController();
  const blocked = once(connection, 'blocked', { signal: over.signal }).then(
    ([why]): LargestMessage => ({ outcome: 'blocked', sizeBytes, why: String(why) }),
  );
  let complaint: unknown;
  const publisher = await createPublisher(connection, (error) => {
    complaint = error;
  });
  const startMs = now();
  const sent = publisher
    .publish(exchange, runTopology(name).inboxKey, new Uint8Array(sizeBytes), {
      type: 'trial',
      persistent: false,
      mandatory: false,
    })
    .then((): LargestMessage => ({ outcome: 'confirmed', sizeBytes, ms: now() - startMs }))
    .catch((error: unknown): LargestMessage => {
      if (!(error instanceof LinkDownError)) throw error;
      return { outcome: 'refused', sizeBytes, why: shortReason(complaint ?? error, address) };
    });
  const late = pauseFor(timers, patienceMs, over.signal).then(
    (): LargestMessage => ({ outcome: 'blocked', sizeBytes, why: `no confirm within ${patienceMs} ms` }),
  );
  try {
    return await Promise.race([sent, blocked, late]);
  } finally {
    over.abort();
  }
}
