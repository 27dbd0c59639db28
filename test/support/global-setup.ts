import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestProject } from 'vitest/node';
import { startPrivateBroker } from './broker.js';
import { createManagementApi } from './management-api.js';

/** Virtual hosts of the broker that all test files share. */
interface SharedBroker {
  /** → URL of the new virtual host */
  addVhost(name: string): Promise<string>;
  deleteVhost(name: string): Promise<void>;
  stop(): Promise<void>;
}

function vhostUrl(brokerUrl: string, name: string): string {
  const url = new URL(brokerUrl);
  url.pathname = `/${name}`;
  return url.href;
}

function sharedByUrl(brokerUrl: string): SharedBroker {
  const url = new URL(brokerUrl);
  const api = createManagementApi(
    process.env['ONKO_TEST_BROKER_API'] ?? `http://${url.hostname}:15672`,
    decodeURIComponent(url.username || 'guest'),
    decodeURIComponent(url.password || 'guest'),
  );
  return {
    addVhost: async (name) => {
      await api.addVhost(name);
      return vhostUrl(brokerUrl, name);
    },
    deleteVhost: (name) => api.deleteVhost(name),
    stop: async () => undefined,
  };
}

async function startShared(): Promise<SharedBroker> {
  const given = process.env['ONKO_TEST_BROKER_URL'];
  if (given !== undefined && given !== '') return sharedByUrl(given);
  const broker = await startPrivateBroker();
  return {
    addVhost: async (name) => {
      await broker.evaluate(`ok = rabbit_vhost:add(<<"${name}">>, <<"test">>)`);
      const all = '<<".*">>, <<".*">>, <<".*">>';
      await broker.evaluate(
        `rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"${name}">>, ${all}, <<"test">>)`,
      );
      return vhostUrl(broker.url, name);
    },
    deleteVhost: async (name) =>
      void (await broker.evaluate(`rabbit_vhost:delete(<<"${name}">>, <<"test">>)`)),
    stop: () => broker.stop(),
  };
}

/**
 * Runs in vitest's main process, which owns the shared broker; the test files ask for virtual hosts over HTTP. The
 * broker starts with the first request: a run without RabbitMQ tests starts none.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let shared: Promise<SharedBroker> | null = null;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const name = /^\/vhosts\/([a-z0-9-]+)$/.exec(request.url ?? '')?.[1];
      if (name === undefined) throw new Error(`Nothing to do for ${request.method} ${request.url}.`);
      shared ??= startShared();
      const broker = await shared;
      if (request.method === 'DELETE') await broker.deleteVhost(name);
      response.end(request.method === 'PUT' ? await broker.addVhost(name) : '');
    } catch (error) {
      response.statusCode = 500;
      response.end(error instanceof Error ? error.message : String(error));
    }
  };

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Expected a port.');
  project.provide('brokerServiceUrl', `http://127.0.0.1:${address.port}`);

  return async () => {
    server.closeAllConnections();
    server.close();
    const broker = await shared?.catch(() => null);
    await broker?.stop();
  };
}
