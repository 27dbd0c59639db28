import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import type { ServerSearch } from './install-broker.js';
import type { BrokerSetup, PrivateBroker } from './private-broker.js';
import { startBroker } from './start-broker.js';

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

/** What test/support/global-setup.ts answers. */
export async function askService(method: string, path: string): Promise<string> {
  const response = await fetch(new URL(path, inject('brokerServiceUrl')), { method });
  const answer = await response.text();
  if (!response.ok) throw new Error(answer);
  return answer;
}

/**
 * A virtual host of the broker shared by all tests, which is started when the first one asks. Ten milliseconds on the
 * private broker, after that.
 */
export async function testVhost(): Promise<TestVhost> {
  const vhost = `/vhosts/test-${randomUUID()}`;
  const url = await askService('PUT', vhost);
  return { url, dispose: async () => void (await askService('DELETE', vhost)) };
}

/** A broker that one test file has for itself: to restart it, or to bring it into trouble. */
export async function startPrivateBroker(setup?: BrokerSetup): Promise<PrivateBroker> {
  const server: ServerSearch = JSON.parse(await askService('GET', '/server'));
  return startBroker(server, setup);
}
