import { request } from 'node:http';
import { createServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { Counter, createRegistry, MetricsServerError, serveMetrics } from '../../src/metrics/index.js';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(health?: () => string | null) {
  const registry = createRegistry();
  const server = await serveMetrics({
    registry,
    host: '127.0.0.1',
    port: 0,
    ...(health === undefined ? {} : { health }),
  });
  closers.push(() => server.close());
  return { registry, server };
}

it('serves its own metrics and those of the process, on any free port', async () => {
  const { registry, server } = await serve();
  const counter = new Counter({ name: 'onko_test_total', help: 'test', registers: [registry] });
  counter.inc(3);
  const response = await fetch(`${server.url}/metrics`);
  const body = await response.text();
  expect(response.headers.get('content-type')).toContain('text/plain');
  expect(body).toContain('onko_test_total 3');
  expect(body).toContain('process_resident_memory_bytes');
  expect(body).toContain('nodejs_eventloop_lag_seconds');
});

it('says whether it is well', async () => {
  let illness: string | null = null;
  const { server } = await serve(() => illness);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  illness = 'the broker is away';
  const ill = await fetch(`${server.url}/healthz`);
  expect([ill.status, await ill.text()]).toEqual([503, 'the broker is away\n']);
});

it('answers nothing else', async () => {
  const { server } = await serve();
  expect((await fetch(`${server.url}/`)).status).toBe(404);
  expect((await fetch(`${server.url}/metrics`, { method: 'POST' })).status).toBe(405);
});

/** `fetch` says the true host; who is led here by a name of theirs says that. */
function statusFor(url: string, headers: Record<string, string>, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { headers, method }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asking.on('error', reject);
    asking.end();
  });
}

it('answers nobody who calls it by a name that is not this machine’s', async () => {
  const { server } = await serve();
  for (const path of ['/metrics', '/healthz', '/', '/nothing']) {
    expect(await statusFor(`${server.url}${path}`, { host: 'evil.example:9464' })).toBe(421);
  }
  expect(await statusFor(`${server.url}/metrics`, { host: 'localhost:1' })).toBe(200);
});

it('answers POST where there is one, and says which methods there are', async () => {
  const server = await serveMetrics({
    registry: createRegistry(),
    host: '127.0.0.1',
    port: 0,
    allowedHosts: ['lab.example'],
    paths: new Map([['/both', (_, response) => response.end('read')]]),
    posts: new Map([
      ['/both', (_, response) => response.end('written')],
      ['/only', (_, response) => response.end('written')],
    ]),
  });
  closers.push(() => server.close());
  expect(await (await fetch(`${server.url}/both`)).text()).toBe('read');
  expect(await (await fetch(`${server.url}/both`, { method: 'POST' })).text()).toBe('written');
  const refused = await fetch(`${server.url}/only`);
  expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'POST']);
  expect(await statusFor(`${server.url}/only`, { host: 'lab.example' }, 'POST')).toBe(200);
  expect(await statusFor(`${server.url}/only`, { host: 'evil.example' }, 'POST')).toBe(421);
});

it('says in one sentence that a port is taken', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve);
  });
  closers.push(() => new Promise((resolve) => other.close(() => resolve())));
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const attempt = serveMetrics({ registry: createRegistry(), host: '127.0.0.1', port });
  await expect(attempt).rejects.toThrow(MetricsServerError);
  await expect(attempt).rejects.toThrow(`127.0.0.1:${port} is taken by another program`);
});

it('says in one sentence that an address is not of this machine', async () => {
  await expect(serveMetrics({ registry: createRegistry(), host: '192.0.2.1', port: 0 })).rejects.toThrow(
    'is not an address of this machine',
  );
});

it('can serve two registries in one process', async () => {
  const first = await serve();
  const second = await serve();
  expect(
    (await fetch(`${first.server.url}/metrics`)).ok && (await fetch(`${second.server.url}/metrics`)).ok,
  ).toBe(true);
});
