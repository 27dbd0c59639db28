import type { Transport } from '../transport.js';
import { parseBrokerUrl } from './address.js';
import { openRabbitCoordinator } from './coordinator-link.js';
import { type RabbitOptions, resolveOptions } from './options.js';
import { openRabbitReducer } from './reducer-link.js';
import { probe } from './session.js';
import { openRabbitWorker } from './worker-link.js';

export type { RabbitOptions, TlsOptions, TransportLog } from './options.js';

/**
 * The protocol over RabbitMQ. Connects once to see that URL, user and virtual host are right: BrokerError if not. Every
 * link then has two connections of its own, and gets them back by itself when they are lost.
 */
export async function createRabbitTransport(given: RabbitOptions): Promise<Transport> {
  const options = resolveOptions(given);
  const address = parseBrokerUrl(options.url);
  await probe(address, options);
  const links = new Set<{ close(): Promise<void> }>();
  const owned = async <L extends { close(): Promise<void> }>(opening: Promise<L>): Promise<L> => {
    const link = await opening;
    links.add(link);
    return link;
  };
  return {
    name: 'rabbitmq',
    openCoordinator: ({ run }) => owned(openRabbitCoordinator(address, options, run)),
    openWorker: ({ worker }) => owned(openRabbitWorker(address, options, worker)),
    openReducer: ({ reducer }) => owned(openRabbitReducer(address, options, reducer)),
    close: async () => {
      await Promise.all([...links].map((link) => link.close()));
      links.clear();
    },
  };
}
