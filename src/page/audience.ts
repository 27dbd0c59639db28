import type { ServerResponse } from 'node:http';
import type { PageReading, PageState } from './state.js';

/** What a client costs at most, and how often it hears. */
export interface AudienceLimits {
  clients: number;
  /** Bytes that may lie unsent for one client: beyond it nothing is added. */
  backlogBytes: number;
  /** A client whose backlog has not gone after so long is dropped. */
  patienceMs: number;
  /** Between two updates. */
  everyMs: number;
  /** Between two updates of the lines, which are most of the bytes. */
  linesEveryMs: number;
  /** Between two signs of life when nothing changes. */
  beatMs: number;
  /** How long the end waits for clients to take the last state. */
  farewellMs: number;
}

export const defaultLimits: AudienceLimits = {
  clients: 32,
  backlogBytes: 256 * 1024,
  patienceMs: 15_000,
  everyMs: 300,
  linesEveryMs: 1000,
  beatMs: 4000,
  farewellMs: 1000,
};

/** Every section, in the order in which they travel. */
const sectionNames = [
  'run',
  'progress',
  'lines',
  'phases',
  'workers',
  'reducers',
  'epochs',
  'validation',
  'gallery',
  'messages',
] as const satisfies readonly (keyof PageState)[];
type Section = (typeof sectionNames)[number];

interface Client {
  response: ServerResponse;
  /** Version of each section that it was sent last. */
  sent: Partial<Record<Section, number>>;
  stuckSinceMs: number | null;
  heardMs: number;
}

/** Whoever watches, over server-sent events. */
export interface Audience {
  /** Takes the response of `GET /events` over. */
  join(response: ServerResponse): void;
  /** Looks whether something has changed, and tells. Call it every `everyMs`. */
  tell(): void;
  /** The last state, and the end; resolves when it is on its way, or was not taken in time. */
  dismiss(): Promise<void>;
  readonly size: number;
}

/**
 * Sections travel whole, when they have changed: a client that was too slow for one update gets what it lacks with the next, so nothing
 * has to be kept for it.
 */
export function createAudience(
  read: () => PageReading,
  now: () => number,
  limits: AudienceLimits = defaultLimits,
): Audience {
  const clients = new Set<Client>();
  const sections = new Map<Section, { json: string; version: number }>();
  let linesAtMs = Number.NEGATIVE_INFINITY;

  const look = (all: boolean): void => {
    const nowMs = now();
    const state = read();
    const linesAreDue = all || nowMs - linesAtMs >= limits.linesEveryMs;
    if (linesAreDue) linesAtMs = nowMs;
    for (const section of sectionNames) {
      const known = sections.get(section);
      if (section === 'lines' && !linesAreDue && known !== undefined) continue;
      const json = JSON.stringify(section === 'lines' ? state.lines() : state[section]);
      if (json !== known?.json) sections.set(section, { json, version: (known?.version ?? 0) + 1 });
    }
  };

  const send = (client: Client, event: 'snapshot' | 'update'): void => {
    const parts: string[] = [];
    for (const [section, { json, version }] of sections) {
      if (client.sent[section] === version) continue;
      client.sent[section] = version;
      parts.push(`"${section}":${json}`);
    }
    const nowMs = now();
    if (parts.length > 0) client.response.write(`event: ${event}\ndata: {${parts.join(',')}}\n\n`);
    else if (nowMs - client.heardMs >= limits.beatMs) client.response.write('event: beat\ndata: {}\n\n');
    else return;
    client.heardMs = nowMs;
  };

  /** Whether it may be sent more; drops who has been stuck for too long. */
  const isFree = (client: Client): boolean => {
    if (client.response.writableLength <= limits.backlogBytes) {
      client.stuckSinceMs = null;
      return true;
    }
    client.stuckSinceMs ??= now();
    if (now() - client.stuckSinceMs >= limits.patienceMs) {
      clients.delete(client);
      client.response.destroy();
    }
    return false;
  };

  return {
    join(response) {
      if (clients.size >= limits.clients) {
        response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '10' });
        response.end('Too many are watching; try again later.\n');
        return;
      }
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      response.write('retry: 1500\n\n');
      const client: Client = { response, sent: {}, stuckSinceMs: null, heardMs: now() };
      response.on('close', () => clients.delete(client));
      clients.add(client);
      look(true);
      send(client, 'snapshot');
    },
    tell() {
      if (clients.size === 0) return;
      look(false);
      for (const client of clients) if (isFree(client)) send(client, 'update');
    },
    async dismiss() {
      if (clients.size === 0) return;
      look(true);
      const gone = [...clients].map(async (client) => {
        if (isFree(client)) send(client, 'update');
        await new Promise<void>((resolve) => {
          client.response.once('close', resolve);
          client.response.end('event: goodbye\ndata: {}\n\n', resolve);
        });
      });
      clients.clear();
      let timer: NodeJS.Timeout | undefined;
      const enough = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, limits.farewellMs);
      });
      await Promise.race([Promise.all(gone), enough]);
      clearTimeout(timer);
    },
    get size() {
      return clients.size;
    },
  };
}
