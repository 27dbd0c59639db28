import type { IncomingMessage, ServerResponse } from 'node:http';
import { loadAssets } from './assets.js';

export type Route = (request: IncomingMessage, response: ServerResponse) => void;

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

/** Every file of a page, by its path, for a server that answers GET and HEAD with them. */
export async function assetRoutes(page: 'live' | 'draw'): Promise<Map<string, Route>> {
  const routes = new Map<string, Route>();
  for (const [path, { type, body }] of await loadAssets(page)) {
    routes.set(path, (request, response) => {
      response.writeHead(200, { ...headers, 'content-type': type, 'content-length': body.length });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
  }
  return routes;
}
