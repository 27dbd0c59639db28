import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

/** The metrics port could not be opened: taken, not allowed, or no such address. */
export class MetricsServerError extends Error {
  override readonly name = 'MetricsServerError';
}

export interface MetricsServer {
  /** `http://127.0.0.1:9464`, without a path. */
  url: string;
  close(): Promise<void>;
}

/** Answers GET and HEAD of one path. */
export type PathHandler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Serves `/metrics` (Prometheus text), `/healthz` (`ok`, or 503 and a reason) and whatever `paths` has. Port 0 takes any free one.
 * @throws MetricsServerError
 */
export async function serveMetrics(o: {
  registry: Registry;
  host: string;
  port: number;
  /** null while healthy, else one sentence. */
  health?: () => string | null;
  paths?: ReadonlyMap<string, PathHandler>;
}): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    const further = o.paths?.get(path);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      reply(response, 405, 'only GET\n');
    } else if (path === '/metrics') {
      o.registry.metrics().then(
        (text) => reply(response, 200, text, o.registry.contentType),
        () => reply(response, 500, 'the metrics could not be collected\n'),
      );
    } else if (path === '/healthz') {
      const illness = o.health?.() ?? null;
      reply(response, illness === null ? 200 : 503, `${illness ?? 'ok'}\n`);
    } else if (further !== undefined) {
      further(request, response);
    } else {
      reply(response, 404, 'there is /metrics and /healthz\n');
    }
  });
  await listen(server, o.host, o.port);
  const bound = server.address();
  if (bound === null || typeof bound === 'string')
    throw new MetricsServerError('The metrics port closed at once.');
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

function reply(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    throw new MetricsServerError(complaint(error, host, port), { cause: error });
  }
}

function complaint(error: unknown, host: string, port: number): string {
  const where = `The metrics port ${host}:${port}`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  switch (code) {
    case 'EADDRINUSE':
      return `${where} is taken by another program; choose another one with --metrics-port (0 takes any free one).`;
    case 'EACCES':
      return `${where} may not be opened by this user; choose one above 1023 with --metrics-port.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${where} is not an address of this machine; check --metrics-host.`;
    default:
      return `${where} could not be opened (${code}); choose another one with --metrics-port and --metrics-host.`;
  }
}
