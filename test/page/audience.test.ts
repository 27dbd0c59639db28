import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import {
  type AudienceLimits,
  createLivePage,
  defaultLimits,
  type LivePage,
  type PageReading,
} from '../../src/page/index.js';

const limits: AudienceLimits = {
  ...defaultLimits,
  everyMs: 10,
  linesEveryMs: 10,
  beatMs: 50,
  farewellMs: 200,
};

function stateOf(step: number): PageReading {
  return {
    run: { name: 'r', version: '0', facts: [], classes: [] },
    progress: {
      phase: 'training',
      note: null,
      epoch: 1,
      epochs: 2,
      step,
      steps: 100,
      loss: null,
      accuracy: null,
      validationAccuracy: null,
      learningRate: null,
      imagesPerSecond: null,
      seconds: 1,
      etaSeconds: null,
      workers: 1,
      threads: 1,
      freeRanges: 0,
    },
    lines: () => ({ loss: [], accuracy: [], validationLoss: [], validationAccuracy: [], throughput: [] }),
    phases: null,
    workers: { rows: [], more: 0 },
    reducers: null,
    epochs: [],
    validation: null,
    gallery: null,
    messages: [],
  };
}

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A server with nothing but the page's paths. */
async function serve(
  read: () => PageReading,
  o: Partial<AudienceLimits> = {},
): Promise<{ url: string; port: number; page: LivePage }> {
  const page = await createLivePage({ read, now: () => performance.now(), limits: { ...limits, ...o } });
  const server = createServer((request, response) => {
    const route = page.routes.get(request.url ?? '');
    if (route === undefined) response.writeHead(404).end();
    else route(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closers.push(async () => {
    await page.close();
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, page };
}

/** Listens to the events, and what it has heard so far. */
async function listenTo(url: string): Promise<{ status: number; text: () => string; ended: Promise<void> }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${url}/events`, resolve).once('error', reject);
  });
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise<void>((resolve) => {
    response.once('close', resolve);
  });
  return { status: response.statusCode ?? 0, text: () => text, ended };
}

it('tells everything at first, then only what has changed, and that nothing has', async () => {
  let step = 1;
  const { url } = await serve(() => stateOf(step));
  const client = await listenTo(url);
  await expect.poll(client.text).toContain('event: snapshot');
  expect(client.text()).toContain('"workers":{"rows":[]');
  step = 2;
  await expect.poll(client.text).toContain('"step":2');
  const update = client.text().slice(client.text().indexOf('event: update'));
  expect(update).not.toContain('"workers":{"rows":[]');
  await expect.poll(client.text).toContain('event: beat');
});

it('asks for nothing while nobody watches', async () => {
  let asked = 0;
  const { url } = await serve(() => {
    asked += 1;
    return stateOf(asked);
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(asked).toBe(0);
  await listenTo(url);
  await expect.poll(() => asked).toBeGreaterThan(1);
});

it('makes the lines less often than it looks', async () => {
  let looks = 0;
  let made = 0;
  const { url } = await serve(
    () => {
      looks += 1;
      const { lines, ...others } = stateOf(looks);
      return { ...others, lines: () => (made++, lines()) };
    },
    { linesEveryMs: 60_000 },
  );
  await listenTo(url);
  await expect.poll(() => looks).toBeGreaterThan(5);
  expect(made).toBe(1);
});

it('lets in so many and no more', async () => {
  const { url } = await serve(() => stateOf(1), { clients: 2 });
  const first = await listenTo(url);
  const second = await listenTo(url);
  const third = await listenTo(url);
  expect([first.status, second.status, third.status]).toEqual([200, 200, 503]);
  await third.ended;
  expect(third.text()).toContain('Too many');
});

it('drops a client that does not read, with no more than its share of memory spent on it', async () => {
  const filler = 'x'.repeat(200_000);
  let step = 0;
  const read = (): PageReading => {
    step += 1;
    return { ...stateOf(step), messages: [{ atMs: step, level: 'info', text: filler }] };
  };
  const { port } = await serve(read, { backlogBytes: 300_000, patienceMs: 100 });
  const socket = await new Promise<Socket>((resolve) => {
    const opened = connect(port, '127.0.0.1', () => resolve(opened));
  });
  closers.push(async () => socket.destroy());
  socket.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
  socket.pause();
  // Beyond what the system buffers for a socket, nothing goes out any more; then the client goes.
  await new Promise<void>((resolve) => {
    let last = -1;
    const check = setInterval(() => {
      if (step === last && step > 0) {
        clearInterval(check);
        resolve();
      }
      last = step;
    }, 400);
  });
  // It is only read for clients: nobody is left.
  expect(step).toBeGreaterThan(1);
});

it('says goodbye with the last state', async () => {
  let step = 1;
  const { url, page } = await serve(() => stateOf(step), { everyMs: 60_000 });
  const client = await listenTo(url);
  await expect.poll(client.text).toContain('"step":1');
  step = 7;
  await page.close();
  await client.ended;
  expect(client.text()).toMatch(/"step":7.*event: goodbye/s);
});

it('serves a page that may load nothing from elsewhere, run no script of its own and not be framed', async () => {
  const { url } = await serve(() => stateOf(1));
  const response = await fetch(`${url}/`);
  const policy = response.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain('unsafe');
  const html = await response.text();
  const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path);
  expect(named.length).toBeGreaterThan(3);
  for (const path of named) {
    if (path === 'metrics') continue;
    expect((await fetch(`${url}/${path}`)).status, path).toBe(200);
  }
});
