import { EventEmitter } from 'node:events';
import { connect } from 'node:net';
import type { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { referenceKernels } from '../../src/engine/index.js';
import {
  openService,
  type Service,
  type ServiceOptions,
  standardViews,
  tempered,
} from '../../src/infer/index.js';
import {
  type BatchAnswer,
  type ImageThreads,
  openImageThreads,
} from '../../src/infer/service/image-threads.js';
import { type MetricsServer, Registry, serveMetrics } from '../../src/metrics/index.js';
import type { ModelFile } from '../../src/store/index.js';
import { levelImage, levelModel, levelProbability } from './level-model.js';

const model: ModelFile = { ...levelModel, temperature: { value: 2, fittedOn: 'validation', samples: 99 } };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Stage {
  service: Service;
  server: MetricsServer;
  registry: Registry;
  ask: (
    body: BodyInit | null,
    query?: string,
    headers?: Record<string, string>,
  ) => Promise<[number, unknown]>;
}

async function serve(o: Partial<ServiceOptions> = {}): Promise<Stage> {
  const registry = new Registry();
  const service = openService({
    model,
    kernels: referenceKernels,
    views: [],
    threads: 2,
    uploadBytes: 100_000,
    requestsAtOnce: 40,
    registry,
    version: '1.2.3',
    now: () => performance.now(),
    ...o,
  });
  closers.push(() => service.close());
  const { paths, posts } = service;
  const server = await serveMetrics({ registry, host: '127.0.0.1', port: 0, paths, posts });
  closers.push(() => server.close());
  return {
    service,
    server,
    registry,
    ask: async (body, query = '', headers = {}) => {
      const response = await fetch(`${server.url}/classify${query}`, { method: 'POST', body, headers });
      return [response.status, await response.json()];
    },
  };
}

const image = (digit: number): Uint8Array<ArrayBuffer> => Uint8Array.from(levelImage(digit));

/** By the formula, at the temperature. */
function expected(digit: number): number {
  const own = Float32Array.from({ length: 10 }, (_, c) => levelProbability(digit, c));
  return tempered(model, own)[digit] ?? Number.NaN;
}

describe('POST /classify', { timeout: 60_000 }, () => {
  it('answers with digit and confidence at the temperature, and what else it may be', async () => {
    const { ask } = await serve();
    const [status, answer] = await ask(image(4), '?top=2&picture=1');
    expect(status).toBe(200);
    expect(answer).toEqual({
      digit: '4',
      confidence: expect.closeTo(expected(4), 4),
      top: [
        { digit: '4', confidence: expect.closeTo(expected(4), 4) },
        { digit: expect.stringMatching(/[35]/), confidence: expect.any(Number) },
      ],
      picture: expect.stringMatching(/^data:image\/png;base64,/),
    });
    const [, short] = await ask(image(4));
    expect(short).toMatchObject({ top: expect.objectContaining({ length: 3 }) });
    expect(short).not.toHaveProperty('picture');
  });

  it('gives every one of many at once its own answer, and takes those that wait together', async () => {
    const { ask, registry, server } = await serve({ threads: 1 });
    const digits = Array.from({ length: 40 }, (_, i) => (i * 3) % 10);
    const answers = await Promise.all(digits.map((digit) => ask(image(digit))));
    expect(answers.map(([status]) => status)).toEqual(digits.map(() => 200));
    expect(answers.map(([, answer]) => answer)).toEqual(
      digits.map((digit) =>
        expect.objectContaining({ digit: String(digit), confidence: expect.closeTo(expected(digit), 4) }),
      ),
    );
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const batches = Number(/onko_service_batch_images_count (\d+)/.exec(text)?.[1]);
    expect(text).toContain('onko_service_batch_images_sum 40');
    expect(batches).toBeLessThan(40);
    expect(text).toContain('onko_service_answers_total{status="200"} 40');
    expect((await registry.getSingleMetricAsString('onko_service_in_hand')).trim()).toMatch(/ 0$/);
  });

  it('looks at the views of an image, too', async () => {
    const [one, more] = [await serve({ threads: 1 }), await serve({ threads: 1, views: standardViews })];
    const [, plain] = await one.ask(image(6));
    const [, viewed] = await more.ask(image(6));
    expect(viewed).not.toEqual(plain);
    const told = await (await fetch(`${more.server.url}/model`)).json();
    expect(told).toMatchObject({ name: 'levels', views: 3, temperature: { value: 2 }, version: '1.2.3' });
  });

  it('refuses in words what it cannot answer, and goes on', async () => {
    const { ask } = await serve({ threads: 1 });
    const refusals = [
      ['no image', 'hello', '', {}, 422, /cannot be used: not an image/],
      ['half an image', image(3).slice(0, 50), '', {}, 422, /truncated/],
      ['nothing', null, '', {}, 400, /there are none/],
      ['too much', new Uint8Array(100_001), '', {}, 413, /at most 100000 bytes/],
      ['a form', 'x', '', { 'content-type': 'multipart/form-data; boundary=a' }, 415, /--data-binary/],
      ['another site’s page', image(3), '', { origin: 'http://evil.example' }, 403, /other sites/],
      ['a page of no site', image(3), '', { origin: 'null' }, 403, /other sites/],
      ['too many guesses', image(3), '?top=11', {}, 400, /from 1 to 10/],
      ['no number', image(3), '?top=x', {}, 400, /whole number/],
      ['a parameter that is none', image(3), '?tops=1', {}, 400, /no parameter "tops"/],
      ['a picture of a sort', image(3), '?picture=yes', {}, 400, /0 or 1/],
    ] as const;
    for (const [what, body, query, headers, status, words] of refusals) {
      const answer = await ask(body, query, headers);
      expect(answer, what).toEqual([status, { error: expect.stringMatching(words) }]);
    }
    expect((await ask(image(3)))[0]).toBe(200);
  });

  it('refuses what goes on for longer than it said, without keeping it', async () => {
    const { ask, server } = await serve({ threads: 1 });
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1;
        if (sent > 40) controller.close();
        else controller.enqueue(new Uint8Array(10_000));
      },
    });
    let sent = 0;
    const options = { method: 'POST', body: endless, duplex: 'half' } as const;
    const response = await fetch(`${server.url}/classify`, options);
    expect(response.status).toBe(413);
    expect((await ask(image(3)))[0]).toBe(200);
  });

  it('sends away who comes while too many wait, and who comes at the end; who waits is answered', async () => {
    const { ask, service, server } = await serve({ threads: 1, requestsAtOnce: 1 });
    const { port } = new URL(server.url);
    // Half of an image, so that this one stays.
    const bytes = levelImage(8);
    const socket = connect(Number(port), '127.0.0.1');
    let said = '';
    socket.on('data', (text: Buffer) => {
      said += text.toString();
    });
    socket.write(`POST /classify HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${bytes.length}\r\n\r\n`);
    socket.write(bytes.subarray(0, 30));
    await expect
      .poll(() => ask(image(1)), { timeout: 20_000 })
      .toEqual([503, { error: expect.stringMatching(/Too many/) }]);
    let isDrained = false;
    const drain = async (): Promise<void> => {
      await service.drain();
      isDrained = true;
    };
    const drained = drain();
    expect(await ask(image(1))).toEqual([503, { error: expect.stringMatching(/ending/) }]);
    expect(isDrained).toBe(false);
    socket.write(bytes.subarray(30));
    await drained;
    await expect.poll(() => said, { timeout: 20_000 }).toContain('"digit":"8"');
    socket.destroy();
  });

  it('does not wait for a client that has gone', async () => {
    const { service, server } = await serve({ threads: 1 });
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write('POST /classify HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5000\r\n\r\nabc');
    const text = async (): Promise<string> => (await fetch(`${server.url}/metrics`)).text();
    await expect.poll(text, { timeout: 20_000 }).toContain('onko_service_in_hand 1');
    socket.destroy();
    await service.drain();
    expect(await text()).toContain('onko_service_answers_total{status="400"} 1');
  });
});

/** A thread that ends at the sight of a certain image, and answers at once otherwise. */
class Fragile extends EventEmitter {
  postMessage(images: readonly Uint8Array[]): void {
    queueMicrotask(() => {
      if (images.some(([first]) => first === 13)) this.emit('exit', 1);
      else this.emit('message', this.answer(images));
    });
  }
  answer(images: readonly Uint8Array[]): BatchAnswer {
    const probabilities = new Float32Array(images.length * 10);
    for (const [i, [first]] of images.entries()) probabilities[i * 10 + first] = 1;
    return { reasons: images.map(() => null), pixels: new Uint8Array(images.length * 100), probabilities };
  }
  async terminate(): Promise<number> {
    return 0;
  }
}

it('finds the image that breaks threads, and loses no other', async () => {
  let started = 0;
  const threads: ImageThreads = openImageThreads({
    model,
    kernels: referenceKernels,
    views: [],
    threads: 2,
    startThread: () => {
      started += 1;
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it has what is used of a worker
      return new Fragile() as unknown as Worker;
    },
  });
  closers.push(() => threads.close());
  const firsts = [1, 2, 13, 4, 5, 6, 7, 13, 8];
  const answers = await Promise.all(firsts.map((first) => threads.classify(Uint8Array.of(first))));
  expect(
    answers.map((answer) => (answer.reason === null ? answer.probabilities.indexOf(1) : answer.fault)),
  ).toEqual([1, 2, 'thread', 4, 5, 6, 7, 'thread', 8]);
  expect(started).toBeGreaterThan(2);
});
