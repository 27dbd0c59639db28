import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { canInstallServer, findServer, installServer } from './install-broker.js';
import { type PrivateBroker, startServer } from './private-broker.js';

export type { PrivateBroker } from './private-broker.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where test/support/global-setup.ts listens. */
    brokerServiceUrl: string;
  }
}

export interface TestVhost {
  /** URL of a virtual host that nobody else uses. */
  url: string;
  dispose: () => Promise<void>;
}

/**
 * A virtual host of the broker shared by all tests, which is started when the first one asks. Ten milliseconds on the
 * private broker, after that.
 */
export async function testVhost(): Promise<TestVhost> {
  const service = inject('brokerServiceUrl');
  const vhost = `${service}/vhosts/test-${randomUUID()}`;
  const response = await fetch(vhost, { method: 'PUT' });
  const answer = await response.text();
  if (!response.ok) throw new Error(answer);
  return {
    url: answer,
    dispose: async () => {
      const deleted = await fetch(vhost, { method: 'DELETE' });
      if (!deleted.ok) throw new Error(await deleted.text());
    },
  };
}

const nothingFound = [
  'The RabbitMQ tests need a broker, and none could be found or started. One of these helps:',
  '- set ONKO_TEST_BROKER_URL to a broker with the management plugin (ONKO_TEST_BROKER_API if it is not at port 15672),',
  '- install RabbitMQ (Debian, Ubuntu: apt-get install rabbitmq-server; macOS: brew install rabbitmq),',
  '- start a Docker engine, which testcontainers will use.',
].join('\n');

/**
 * A broker that one test file has for itself: to restart it, or to bring it into trouble. Six to nine seconds.
 * A rabbitmq-server of this machine (installed first where that is possible), else a container.
 */
export async function startPrivateBroker(): Promise<PrivateBroker> {
  let script = await findServer();
  if (script === null && (await canInstallServer())) {
    await installServer();
    script = await findServer();
  }
  if (script !== null) return startRetrying(script);
  const { startContainer } = await import('./container-broker.js');
  try {
    return await startContainer();
  } catch (error) {
    throw new Error(nothingFound, { cause: error });
  }
}

/** Another process may take one of the free ports before the broker does. */
async function startRetrying(script: string): Promise<PrivateBroker> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startServer(script);
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}
