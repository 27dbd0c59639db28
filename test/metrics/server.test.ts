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
