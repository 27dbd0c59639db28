import { setTimeout as sleep } from 'node:timers/promises';
import { GenericContainer, Wait } from 'testcontainers';
import type { PrivateBroker } from './private-broker.js';

/** RabbitMQ in a container, for machines with a Docker engine and no RabbitMQ of their own. */
export async function startContainer(): Promise<PrivateBroker> {
  const container = await new GenericContainer('rabbitmq:4-management')
    .withExposedPorts(5672)
    .withEnvironment({ RABBITMQ_NODENAME: 'onko@localhost' })
    .withWaitStrategy(Wait.forLogMessage(/Server startup complete/))
    .withStartupTimeout(180_000)
    .start();
  const control = async (...args: string[]): Promise<string> => {
    const { exitCode, output } = await container.exec(['rabbitmqctl', ...args]);
    if (exitCode !== 0) throw new Error(`rabbitmqctl ${args.join(' ')} failed: ${output}`);
    return output.trim();
  };
  return {
    url: `amqp://guest:guest@${container.getHost()}:${container.getMappedPort(5672)}`,
    evaluate: (expression) => control('eval', `${expression}.`),
    // A container that is restarted may come back on another port; the broker inside it can be stopped just as well.
    restart: async (downMs) => {
      await control('stop_app');
      await sleep(downMs);
      await control('start_app');
    },
    stop: async () => void (await container.stop()),
  };
}
