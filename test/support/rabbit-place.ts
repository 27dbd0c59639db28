import { silentLog } from '../../src/metrics/index.js';
import { createRabbitTransport, type Transport } from '../../src/transport/index.js';
import { testVhost } from './broker.js';

/** A virtual host of the tests' broker, for coordinators and workers in this process. */
export interface RabbitPlace {
  url: string;
  /** Every process has a connection of its own; here each coordinator and each worker. Closed by `dispose`. */
  connect: () => Promise<Transport>;
  dispose(): Promise<void>;
}

export async function openRabbitPlace(): Promise<RabbitPlace> {
  const vhost = await testVhost();
  const transports: Transport[] = [];
  return {
    url: vhost.url,
    connect: async () => {
      const transport = await createRabbitTransport({ url: vhost.url, log: silentLog });
      transports.push(transport);
      return transport;
    },
    dispose: async () => {
      await Promise.all(transports.map((transport) => transport.close()));
      await vhost.dispose();
    },
  };
}
