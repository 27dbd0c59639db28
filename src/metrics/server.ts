import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { createHostCheck } from './host-check.js';

/** The port could not be opened: taken, not allowed, or no such address. */
export class MetricsServerError extends Error {
  override readonly name = 'MetricsServerError';
}

export interface MetricsServer {
  /** `http://127.0.0.1:9464`, without a path. */
  url: string;
  close(): Promise<void>;
}

/** Answers the requests of one path. */
export type PathHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** A request that is not whole after so long is answered with 408, and its connection closed. */
const requestMs = 30_000;
const connectionsAtOnce = 512;

export interface ServerOptions {
  registry: Registry;
  host: string;
  port: number;
  /** Names by which this server may be called, beside those of this machine (`createHostCheck`). */
  allowedHosts?: readonly string[] | undefined;
  /** null while healthy, else one sentence. */
  health?: () => string | null;
  /** Answer GET and HEAD. */
  paths?: ReadonlyMap<string, PathHandler>;
  /** Answer POST. */
  posts?: ReadonlyMap<string, PathHandler>;
  /** What chooses port and address, for the words of an error. */
  flags?: { port: string; host: string };
}

/**
 * Serves `/metrics` (Prometheus text), `/healthz` (`ok`, or 503 and a reason) and whatever `paths` and `posts` have. Port 0 takes any
 * free one.
 * @throws MetricsServerError
 */
export async function serveMetrics(o: ServerOptions): Promise<MetricsServer> {
  const { registry, paths, posts } = o;
  const isForUs = createHostCheck(o.host, o.allowedHosts);
  const own = new Map<string, PathHandler>([
    [
      '/metrics',
      (_, response) => {
        registry.metrics().then(
          (text) => reply(response, 200, text, registry.contentType),
          () => reply(response, 500, 'the metrics could not be collected\n'),
        );
      },
    ],
    [
      '/healthz',
      (_, response) => {
        const illness = o.health?.() ?? null;
        reply(response, illness === null ? 200 : 503, `${illness ?? 'ok'}\n`);
      },
    ],
  ]);
  const server = createServer(
    { requestTimeout: requestMs, headersTimeout: requestMs, connectionsCheckingInterval: 1000 },
    (request, response) => {
      const path = (request.url ?? '/').split('?')[0];
      const reading = own.get(path) ?? paths?.get(path);
      const writing = posts?.get(path);
      if (!isForUs(request.headers.host)) {
        reply(response, 421, unknownName);
      } else if (reading === undefined && writing === undefined) {
        reply(response, 404, 'there is /metrics and /healthz\n');
      } else if (request.method === 'POST' && writing !== undefined) {
        writing(request, response);
      } else if ((request.method === 'GET' || request.method === 'HEAD') && reading !== undefined) {
        reading(request, response);
      } else {
        const allowed = reading === undefined ? 'POST' : 'GET, HEAD';
        response.setHeader('allow', allowed);
        reply(response, 405, `only ${allowed}\n`);
      }
    },
  );
  server.maxConnections = connectionsAtOnce;
  await listen(server, o);
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new MetricsServerError('The port closed at once.');
  const { address, family, port } = bound;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

const unknownName =
  'This server is not known by that name. Call it 127.0.0.1 or localhost; --allow-host lets another name in.\n';

function reply(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

async function listen(server: Server, o: ServerOptions): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(o.port, o.host, resolve);
    });
  } catch (error) {
    throw new MetricsServerError(complaint(error, o), { cause: error });
  }
}

const metricsFlags = { port: '--metrics-port', host: '--metrics-host' };

function complaint(error: unknown, { host, port, flags = metricsFlags }: ServerOptions): string {
  const where = `The port ${host}:${port}`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  switch (code) {
    case 'EADDRINUSE':
      return `${where} is taken by another program; choose another one with ${flags.port} (0 takes any free one).`;
    case 'EACCES':
      return `${where} may not be opened by this user; choose one above 1023 with ${flags.port}.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${where} is not an address of this machine; check ${flags.host}.`;
    default:
      return `${where} could not be opened (${code}); choose another one with ${flags.port} and ${flags.host}.`;
  }
}
