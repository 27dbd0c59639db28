import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/metrics/index.js';
import { createEmbeddedTransport, type Transport } from '../../src/transport/index.js';
import type { RunningWorker } from '../../src/worker/index.js';
import { openWorkshop, type Workshop } from '../support/small-run.js';
import { Conductor, model, spec } from './conductor.js';

let workshop: Workshop;
let transport: Transport;
let conductor: Conductor;
const lines: string[] = [];
const log = createLog({ level: 'debug', json: false, destination: { write: (line) => lines.push(line) } });
let workers: RunningWorker[] = [];
let names = 0;

async function hire(changes: Partial<Parameters<Workshop['worker']>[0]> = {}): Promise<RunningWorker> {
  names += 1;
  const worker = await workshop.worker({ transport, worker: `w${names}`, log, ...changes });
  workers.push(worker);
  return worker;
}

beforeAll(async () => {
  workshop = await openWorkshop(spec);
});
afterAll(async () => await workshop.dispose());
beforeEach(async () => {
  transport = createEmbeddedTransport();
  conductor = await Conductor.open(transport, workshop.pack);
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  workers = [];
  lines.length = 0;
  await transport.close();
});

describe('a worker', () => {
  it('introduces itself, joins, fetches blocks, computes, and says how it is', async () => {
    await hire({ machine: { host: 'desk', pid: 42, rssBytes: () => 1e8 } });
    await conductor.start();
    expect(await conductor.heard('hello')).toMatchObject({
      host: 'desk',
      pid: 42,
      threads: 1,
      kernels: 'reference',
    });
    const task = await conductor.task();
    const result = await conductor.heard('result');
    expect(result).toMatchObject({ run: 'r1', fence: 1, step: 0, pass: 0, node: task.node, samples: 16 });
    expect(result.gradient).toHaveLength(model.parameterCount * 4);
    expect(result.lossSum / 16).toBeGreaterThan(1);
    expect(result.fetchMs).toBeGreaterThan(0);
    expect(result.computeMs).toBeGreaterThan(0);
    const beat = await conductor.heard('heartbeat', 2);
    expect(beat).toMatchObject({ run: 'r1', rssBytes: 1e8 });
    expect(beat.eventLoopLagMs).toBeGreaterThanOrEqual(0);
  });

  it('keeps blocks from one life to the next', async () => {
    const cacheDir = join(workshop.path, 'kept');
    const first = await hire({ cacheDir });
    await conductor.start();
    await conductor.task();
    await conductor.heard('result');
    await first.close();
    const requests = conductor.said.filter((message) => message.type === 'block_request').length;
    expect(requests).toBeGreaterThan(0);
    conductor.said.length = 0;
    await hire({ cacheDir });
    await conductor.start();
    await conductor.task();
    await conductor.heard('result');
    expect(conductor.said.filter((message) => message.type === 'block_request')).toEqual([]);
  });

  it('asks again for a block that comes damaged', async () => {
    await hire();
    let isFirst = true;
    conductor.answer = async ({ block }) => {
      const bytes = (await workshop.pack.readBlock(block)).slice();
      if (isFirst) bytes[100] ^= 1;
      isFirst = false;
      return { bytes };
    };
    await conductor.start();
    await conductor.task();
    await conductor.heard('result');
    const asked = conductor.said
      .filter((message) => message.type === 'block_request')
      .map(({ block }) => block);
    expect(asked.length).toBe(new Set(asked).size + 1);
  });

  it('computes from memory where the cache folder cannot be written', async () => {
    await writeFile(join(workshop.path, 'a-file'), '');
    await hire({ cacheDir: join(workshop.path, 'a-file', 'cache'), threads: 2 });
    await conductor.start();
    await conductor.task();
    await conductor.heard('result');
    await conductor.task({ node: spec.microshards + 1, samples: Uint32Array.of(1, 699) });
    expect(await conductor.heard('result', 2)).toMatchObject({ samples: 2 });
    expect(lines.join('')).toMatch(/in memory/);
  });

  it('gets over the loss of its cache', async () => {
    const cacheDir = join(workshop.path, 'to-be-emptied');
    await hire({ cacheDir });
    await conductor.start();
    // The first sample does not exist: the blocks of the others are fetched, but no thread comes to open them.
    await conductor.task({
      samples: Uint32Array.from({ length: 16 }, (_, i) => (i === 0 ? 999_999 : i * 40)),
    });
    await conductor.heard('task_failed');
    await rm(join(cacheDir, 'blocks'), { recursive: true });
    const requests = (): number =>
      conductor.said.filter((message) => message.type === 'block_request').length;
    const before = requests();
    await conductor.task({ node: spec.microshards + 2 });
    expect(await conductor.heard('result')).toMatchObject({ samples: 16 });
    expect(requests()).toBe(before * 2);
  });

  it('takes blocks from a local copy and says how many agree', async () => {
    await hire({ localData: { dataDir: workshop.dataDir } });
    await conductor.start();
    await conductor.task();
    await conductor.heard('result');
    const count = workshop.pack.manifest.blocks.length;
    expect(lines.join('')).toContain(`${count} of ${count} blocks match`);
    expect(conductor.said.some((message) => message.type === 'block_request')).toBe(false);
  });

  it('does without a local copy that is none', async () => {
    await hire({ localData: { dataDir: join(workshop.path, 'nowhere') } });
    await conductor.start();
    await conductor.task();
    await conductor.heard('result');
    expect(lines.join('')).toMatch(/local data are not used/);
  });

  it('reports a task that cannot be computed by its samples, acks it, and works on', async () => {
    await hire();
    await conductor.start();
    await conductor.task({ samples: Uint32Array.of(3, 123_456) });
    const failed = await conductor.heard('task_failed');
    expect(failed).toMatchObject({
      step: 0,
      node: spec.microshards,
      reason: expect.stringContaining('123456'),
    });
    expect([...failed.samples]).toEqual([3, 123_456]);
    await conductor.task();
    await conductor.heard('result');
    expect(conductor.said.filter((message) => message.type === 'task_failed')).toHaveLength(1);
  });

  it.each([
    [{ parameterCount: 5 }, /expected a model of 5 parameters/],
    [{ gradientEncoding: 'topk' }, /expected to keep 1 to \d+ values of a gradient, the run asks for 0/],
    [{ gradientEncoding: 'topk', gradientsKept: 2 ** 31 }, /the run asks for 2147483648/],
  ] as const)('says why it cannot take part, and stays: %o', async (changes, why) => {
    await hire();
    await conductor.offer(changes);
    await expect.poll(() => lines.join('')).toMatch(/Cannot take part in run r1/);
    expect(lines.join('')).toMatch(why);
    expect(conductor.said.some((message) => message.type === 'ready')).toBe(false);
  });

  it('says what it has in hand before it computes what was in the hand of somebody who is gone', async () => {
    const victim = await transport.openWorker({ worker: 'victim' });
    const taken = new Promise<void>((resolve) => {
      void victim.joinRun('r1', {
        prefetch: 1,
        task: () => {
          resolve();
          return new Promise(() => undefined);
        },
        weights: () => undefined,
      });
    });
    const task = await conductor.task();
    await taken;
    await hire();
    await conductor.start();
    await victim.close();
    await conductor.heard('result');
    const told = conductor.said.findIndex(
      (message) => message.type === 'heartbeat' && message.nodes.includes(task.node),
    );
    const begun = conductor.said.findIndex((message) => message.type === 'block_request');
    expect(told).toBeGreaterThanOrEqual(0);
    expect(told).toBeLessThan(begun);
  });

  it('is over after one run with `once`', async () => {
    const worker = await hire({ once: true });
    await conductor.start();
    await conductor.task();
    await conductor.heard('result');
    await conductor.end();
    await expect(worker.finished).resolves.toEqual({ runs: 1, images: 16 });
  });

  it('drains: hands in what it computes, gives back what it has not begun, says goodbye', async () => {
    const worker = await hire();
    await conductor.start();
    await conductor.task();
    await conductor.heard('result');
    const whole = { node: 1, samples: Uint32Array.from({ length: 128 }, (_, i) => i) };
    await conductor.task({ ...whole, step: 1 });
    await conductor.task({ ...whole, step: 2 });
    await worker.drain('SIGTERM');
    expect(await conductor.heard('goodbye')).toMatchObject({ run: 'r1', reason: 'SIGTERM' });
    const results = conductor.said.filter((message) => message.type === 'result').map(({ step }) => step);
    // What was given back waits for the next worker.
    await hire();
    conductor.said.length = 0;
    await conductor.start();
    const left = [1, 2].filter((step) => !results.includes(step));
    for (const [i] of left.entries()) await conductor.heard('result', i + 1);
    const rest = conductor.said.filter((message) => message.type === 'result').map(({ step }) => step);
    expect([...results, ...rest].toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
  });

  it('closed abruptly says nothing, and its task goes to another', async () => {
    const worker = await hire();
    conductor.answer = async () => null; // It will wait for a block for ever.
    await conductor.start();
    await conductor.task();
    await conductor.heard('block_request');
    await worker.close();
    conductor.said.length = 0;
    conductor.answer = async () => ({});
    await hire();
    await conductor.start();
    await conductor.heard('result');
    expect(conductor.said.some((message) => message.type === 'goodbye')).toBe(false);
  });

  it('hears of the end of its transport through `finished`', async () => {
    const worker = await hire();
    await conductor.start();
    await worker.close();
    await expect(worker.finished).resolves.toEqual({ runs: 0, images: 0 });
    await worker.close();
    await worker.drain('again');
  });
});
