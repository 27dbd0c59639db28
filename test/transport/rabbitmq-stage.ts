import { connect } from 'amqplib';
import { runTopology } from '../../src/protocol/index.js';
import { createRabbitTransport } from '../../src/transport/index.js';
import type { TestVhost } from '../support/broker.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { ConformanceBroker } from './stage.js';

/** Names among those of a run that are on the broker. */
async function existing(url: string, run: string, workers: string[]): Promise<string[]> {
  const names = runTopology(run);
  const queues = [
    names.coordinatorInbox,
    names.tasks,
    names.results,
    names.dead,
    ...workers.map((worker) => names.weightsQueue(worker)),
  ];
  const exchanges = [names.weightsExchange, names.broadcastExchange];
  const connection = await connect(url);
  const found: string[] = [];
  const look = async (name: string, kind: 'checkQueue' | 'checkExchange'): Promise<void> => {
    // Asking for what is not there closes the channel: one channel per question.
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    const there = await channel[kind](name).then(
      () => true,
      () => false,
    );
    if (there) found.push(name);
  };
  for (const queue of queues) await look(queue, 'checkQueue');
  for (const exchange of exchanges) await look(exchange, 'checkExchange');
  await connection.close();
  return found;
}

/** A virtual host as the broker of one conformance test, which takes it along when it is over. */
export function rabbitConformanceBroker(vhost: TestVhost): ConformanceBroker {
  const ends: (() => Promise<void>)[] = [];
  return {
    connect: () => createRabbitTransport({ url: vhost.url }),
    connectVictim: async () => {
      const target = new URL(vhost.url);
      const proxy = await startTcpProxy(Number(target.port), target.hostname);
      target.host = `127.0.0.1:${proxy.port}`;
      const transport = await createRabbitTransport({ url: target.href });
      ends.push(async () => {
        await transport.close();
        await proxy.close();
      });
      return { transport, kill: async () => proxy.cut() };
    },
    leftovers: (run, workers) => existing(vhost.url, run, workers),
    dispose: async () => {
      for (const end of ends) await end();
      await vhost.dispose();
    },
  };
}
