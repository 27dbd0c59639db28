import type { IncomingMessage, ServerResponse } from 'node:http';
import { loadAssets } from './assets.js';
import { type AudienceLimits, createAudience, defaultLimits } from './audience.js';
import type { PageReading } from './state.js';

export type Route = (request: IncomingMessage, response: ServerResponse) => void;

/** One page that shows a run while it goes on, for a server that has its routes. */
export interface LivePage {
  /** By path. */
  routes: ReadonlyMap<string, Route>;
  /** Sends the last state to whoever watches, and stops looking. */
  close(): Promise<void>;
}

/** Nothing but what this server itself has, no script in the page, and nobody may frame it. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const headers = {
  'cache-control': 'no-cache',
  'content-security-policy': policy,
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * `read` is asked a few times a second while somebody watches, and not at all otherwise; it must be quick.
 * @param o.limits for tests
 */
export async function createLivePage(o: {
  read: () => PageReading;
  now: () => number;
  limits?: AudienceLimits;
}): Promise<LivePage> {
  const limits = o.limits ?? defaultLimits;
  const audience = createAudience(o.read, o.now, limits);
  const timer = setInterval(() => audience.tell(), limits.everyMs);
  // Who only watches keeps nothing alive.
  timer.unref();
  const routes = new Map<string, Route>();
  for (const [path, { type, body }] of await loadAssets()) {
    routes.set(path, (request, response) => {
      response.writeHead(200, { ...headers, 'content-type': type, 'content-length': body.length });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
  }
  routes.set('/events', (_request, response) => audience.join(response));
  return {
    routes,
    async close() {
      clearInterval(timer);
      await audience.dismiss();
    },
  };
}
