import type { ServerSearch } from './install-broker.js';
import { type BrokerSetup, type PrivateBroker, startServer } from './private-broker.js';

/** A broker of our own: the server of this machine if there is one, else a container. Six to nine seconds. */
export async function startBroker(server: ServerSearch, setup?: BrokerSetup): Promise<PrivateBroker> {
  if (server.script !== null) return startRetrying(server.script, setup);
  const { startContainer } = await import('./container-broker.js');
  try {
    return await startContainer(setup);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(nothingWorked(server.why, `testcontainers could not start a container: ${reason}`), {
      cause: error,
    });
  }
}

function nothingWorked(...reasons: string[]): string {
  const given = process.env['ONKO_TEST_BROKER_URL'] ?? '';
  return [
    'The RabbitMQ tests need a broker, and none could be found or started:',
    given === ''
      ? '- ONKO_TEST_BROKER_URL is not set,'
      : '- the broker of ONKO_TEST_BROKER_URL is for tests that share one; this one restarts its broker,',
    ...reasons.map(
      (reason, i) => `- ${reason.replace(/[.\s]+$/, '')}${i === reasons.length - 1 ? '.' : ','}`,
    ),
    'One of these helps:',
    '- install RabbitMQ (Debian, Ubuntu: apt-get install rabbitmq-server; macOS: brew install rabbitmq),',
    '- start a Docker engine, which testcontainers will use,',
    '- set ONKO_TEST_BROKER_URL to a broker with the management plugin (ONKO_TEST_BROKER_API if it is not at port 15672); tests that restart their broker still need one of the other two.',
  ].join('\n');
}

/** Another process may take one of the free ports before the broker does. */
async function startRetrying(script: string, setup: BrokerSetup | undefined): Promise<PrivateBroker> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startServer(script, setup);
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}
