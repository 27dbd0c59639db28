import type { Transport } from '../transport.js';
import { createEmbeddedBroker } from './broker.js';
import { openEmbeddedCoordinator } from './coordinator-link.js';
import { openEmbeddedReducer } from './reducer-link.js';
import { openEmbeddedWorker } from './worker-link.js';

/**
 * The protocol within one process: the same queues, verdicts and errors as over RabbitMQ, but messages are handed over
 * as they are, tensors by reference. Who sends one must not write to it again.
 */
export function createEmbeddedTransport(): Transport {
  const broker = createEmbeddedBroker();
  const links = new Set<{ close(): Promise<void> }>();
  return {
    name: 'embedded',
    openCoordinator: async ({ run }) => {
      const link = openEmbeddedCoordinator(broker, run);
      links.add(link);
      return link;
    },
    openWorker: async ({ worker }) => {
      const link = openEmbeddedWorker(broker, worker);
      links.add(link);
      return link;
    },
    openReducer: async ({ reducer }) => {
      const link = openEmbeddedReducer(broker, reducer);
      links.add(link);
      return link;
    },
    close: async () => {
      for (const link of links) await link.close();
      links.clear();
    },
  };
}
