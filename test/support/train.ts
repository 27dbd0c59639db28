import { expect } from 'vitest';
import type { CoordinatorConfig, RunSummary } from '../../src/coordinator/index.js';
import { createEmbeddedTransport, type Transport } from '../../src/transport/index.js';
import type { Workshop } from './small-run.js';

/** A run of a workshop, to its end and without trouble; → its summary, and the images that each worker computed. */
export async function train(
  workshop: Workshop,
  {
    out,
    workers,
    connect,
    threads = 1,
    ...config
  }: {
    out: string;
    workers: number;
    /** Of the coordinator and of each worker; all in one process, where it is absent. */
    connect?: () => Promise<Transport>;
    threads?: number;
  } & Partial<CoordinatorConfig>,
): Promise<RunSummary & { images: number[] }> {
  const embedded = createEmbeddedTransport();
  const open = connect ?? (async () => embedded);
  const coordinator = await workshop.coordinator({
    transport: await open(),
    out,
    minWorkers: workers,
    ...config,
  });
  const running = await Promise.all(
    Array.from({ length: workers }, async (_, i) =>
      workshop.worker({ transport: await open(), worker: `${out}-${i}`, threads, once: true }),
    ),
  );
  const summary = await coordinator.finished;
  expect(summary.outcome).toBe('finished');
  const done = await Promise.all(running.map(({ finished }) => finished));
  expect(done.map(({ runs }) => runs)).toEqual(running.map(() => 1));
  await embedded.close();
  return { ...summary, images: done.map(({ images }) => images) };
}
