import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CoordinatorConfig } from '../../src/coordinator/index.js';
import { createEmbeddedTransport, type ReducerLink, type Transport } from '../../src/transport/index.js';
import { openWorkshop, smallSpec, type Workshop } from '../support/small-run.js';

let workshop: Workshop;
let plain: string;
beforeAll(async () => {
  workshop = await openWorkshop();
  plain = await train({ out: 'plain', workers: 1, reducers: 0 });
});
afterAll(async () => await workshop.dispose());

interface Cast {
  out: string;
  workers: number;
  reducers: number;
  changes?: Partial<CoordinatorConfig>;
  /** What the transport of reducers does that it should not. */
  disturb?: (transport: Transport) => Transport;
}

/** Trains in this process and returns the SHA-256 of the model file. */
async function train({ out, workers, reducers, changes = {}, disturb = (t) => t }: Cast): Promise<string> {
  const transport = createEmbeddedTransport();
  const coordinator = await workshop.coordinator({
    transport,
    out,
    minWorkers: workers,
    reducers,
    ...changes,
  });
  const summing = [];
  for (let i = 0; i < reducers; i++)
    summing.push(
      await workshop.reducer({ transport: disturb(transport), reducer: `${out}-r${i}`, once: true }),
    );
  const running = [];
  for (let i = 0; i < workers; i++)
    running.push(await workshop.worker({ transport, worker: `${out}-${i}`, once: true }));
  const summary = await coordinator.finished;
  expect(summary.outcome).toBe('finished');
  const done = await Promise.all(summing.map(({ finished }) => finished));
  for (const { runs, sums } of done) {
    expect(runs).toBe(1);
    expect(sums).toBeGreaterThanOrEqual(summary.steps);
  }
  await Promise.all(running.map(({ finished }) => finished));
  await transport.close();
  return summary.modelSha256;
}

describe('a run whose gradients reducers sum', () => {
  it.each([
    { reducers: 1, workers: 1 },
    { reducers: 2, workers: 3 },
    { reducers: 3, workers: 2 },
  ])('has the bits of one without: $reducers reducers, $workers workers', async ({ reducers, workers }) => {
    expect(await train({ out: `k${reducers}-n${workers}`, workers, reducers })).toBe(plain);
  });

  it('has the bits of one without, with every block computed twice', async () => {
    expect(await train({ out: 'audited', workers: 2, reducers: 2, changes: { auditShare: 1 } })).toBe(plain);
  });

  it('has the bits of one without, with a delay', async () => {
    const changes = { spec: smallSpec({ delay: 1 }) };
    const late = await train({ out: 'late', workers: 1, reducers: 0, changes });
    expect(await train({ out: 'late-reduced', workers: 2, reducers: 2, changes })).toBe(late);
    expect(late).not.toBe(plain);
  });

  it('computes blocks again whose segments are lost on the way', async () => {
    let seen = 0;
    const disturb = (transport: Transport): Transport => ({
      ...transport,
      openReducer: async (options) => losing(await transport.openReducer(options), () => seen++ % 7 === 3),
    });
    expect(await train({ out: 'losing', workers: 2, reducers: 2, disturb })).toBe(plain);
    expect(seen).toBeGreaterThan(20);
  });

  it('goes on when a reducer dies and another takes its range', async () => {
    const transport = createEmbeddedTransport();
    const lines: string[] = [];
    const log = { debug: noted, info: noted, warn: noted, error: noted, child: () => log };
    function noted(line: string): void {
      lines.push(line);
    }
    let kill: (() => Promise<void>) | null = null;
    const coordinator = await workshop.coordinator({
      transport,
      out: 'bereft',
      reducers: 2,
      log,
      onProgress: ({ step }) => void (step === 4 && kill?.()),
    });
    let victim: ReducerLink | null = null;
    const mortal: Transport = {
      ...transport,
      openReducer: async (options) => (victim = await transport.openReducer(options)),
    };
    await workshop.reducer({ transport, reducer: 'stays' });
    await workshop.reducer({ transport: mortal, reducer: 'dies' });
    kill = async () => {
      kill = null;
      await victim?.close();
      await workshop.reducer({ transport, reducer: 'comes' });
    };
    await workshop.worker({ transport, worker: 'bereft-0', once: true });
    const summary = await coordinator.finished;
    await transport.close();
    expect(summary.modelSha256).toBe(plain);
    expect(lines.join('\n')).toMatch(/Reducer dies on here of range \d (is gone|has been silent)/);
    expect(lines.join('\n')).toMatch(/Reducer comes on here sums range \d of 2/);
  });
});

function losing(link: ReducerLink, isLost: () => boolean): ReducerLink {
  return {
    ...link,
    receive: (handler) =>
      link.receive((message, delivery) => {
        if (message.type === 'segment' && isLost()) return;
        handler(message, delivery);
      }),
  };
}
