import { assetRoutes, type Route } from './asset-routes.js';
import { type AudienceLimits, createAudience, defaultLimits } from './audience.js';
import type { PageReading } from './state.js';

/** One page that shows a run while it goes on, for a server that has its routes. */
export interface LivePage {
  /** By path. */
  routes: ReadonlyMap<string, Route>;
  /** Sends the last state to whoever watches, and stops looking. */
  close(): Promise<void>;
}

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
  const routes = await assetRoutes('live');
  routes.set('/events', (_request, response) => audience.join(response));
  return {
    routes,
    async close() {
      clearInterval(timer);
      await audience.dismiss();
    },
  };
}
