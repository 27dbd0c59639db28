import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestProject } from 'vitest/node';
import { findOrInstallServer, type ServerSearch } from './install-broker.js';
import { findOrInstallProgram, type ProgramName, type ProgramSearch, programs } from './install-programs.js';
import { createManagementApi } from './management-api.js';
import { startBroker } from './start-broker.js';

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

async function startShared(server: () => Promise<ServerSearch>): Promise<SharedBroker> {
  const given = process.env['ONKO_TEST_BROKER_URL'];
  if (given !== undefined && given !== '') return sharedByUrl(given);
  const broker = await startBroker(await server());
  return {
    addVhost: async (name) => {
      await broker.addVhost(name);
      return vhostUrl(broker.url, name);
    },
    deleteVhost: (name) => broker.deleteVhost(name),
    stop: () => broker.stop(),
  };
}

/** Each is looked for once, one after the other: two installations at a time would wait for one another's lock. */
function rememberPrograms(): (name: ProgramName) => Promise<ProgramSearch> {
  const found = new Map<ProgramName, Promise<ProgramSearch>>();
  let last: Promise<unknown> = Promise.resolve();
  return (name) => {
    const search = found.get(name) ?? last.then(() => findOrInstallProgram(name));
    found.set(name, search);
    last = search.catch(() => undefined);
    return search;
  };
}

function isProgram(name: string | undefined): name is ProgramName {
  return name !== undefined && Object.hasOwn(programs, name);
}

/**
 * Runs in vitest's main process, which owns the shared broker and knows this machine's programs; the test files ask for
 * virtual hosts, for the server and for programs over HTTP. All starts with the first request: a run without RabbitMQ tests
 * installs and starts nothing.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let found: Promise<ServerSearch> | null = null;
  const server = (): Promise<ServerSearch> => {
    found ??= findOrInstallServer();
    return found;
  };
  const program = rememberPrograms();
  let shared: Promise<SharedBroker> | null = null;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      if (request.url === '/server') {
        response.end(JSON.stringify(await server()));
        return;
      }
      const wanted = /^\/programs\/([a-z]+)$/.exec(request.url ?? '')?.[1];
      if (isProgram(wanted)) {
        response.end(JSON.stringify(await program(wanted)));
        return;
      }
      const name = /^\/vhosts\/([a-z0-9-]+)$/.exec(request.url ?? '')?.[1];
      if (name === undefined) throw new Error(`Nothing to do for ${request.method} ${request.url}.`);
      shared ??= startShared(server);
      const broker = await shared;
      if (request.method === 'DELETE') await broker.deleteVhost(name);
      response.end(request.method === 'PUT' ? await broker.addVhost(name) : '');
    } catch (error) {
      response.statusCode = 500;
      response.end(error instanceof Error ? error.message : String(error));
    }
  };

  const service = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  const address = service.address();
  if (address === null || typeof address === 'string') throw new Error('Expected a port.');
  project.provide('brokerServiceUrl', `http://127.0.0.1:${address.port}`);

  return async () => {
    service.closeAllConnections();
    service.close();
    const broker = await shared?.catch(() => null);
    await broker?.stop();
  };
}
