import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Progress } from '../../src/coordinator/index.js';
import { createEmbeddedTransport } from '../../src/transport/index.js';
import { openWorkshop, smallSpec, type Workshop } from '../support/small-run.js';

let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop(smallSpec({ epochs: 3 }));
});
afterAll(async () => await workshop.dispose());

describe('a coordinator that is stopped and resumed', () => {
  it('ends with the bits of the run that went through', async () => {
    const through = createEmbeddedTransport();
    const whole = await workshop.coordinator({ transport: through, out: 'whole' });
    await workshop.worker({ transport: through, worker: 'w1', once: true });
    const { modelSha256, steps } = await whole.finished;
    await through.close();

    const transport = createEmbeddedTransport();
    // The worker stays: it goes back to the lobby and is called again by the next coordinator.
    const worker = await workshop.worker({ transport, worker: 'w2' });
    for (const stopAtStep of [2, 7]) {
      let stop: (() => void) | null = null;
      const onProgress = (progress: Progress): void => {
        if (progress.step >= stopAtStep) stop?.();
      };
      const part = await workshop.coordinator({ transport, out: 'parts', resume: true, onProgress });
      stop = () => void part.stop();
      const summary = await part.finished;
      expect(summary.outcome).toBe('stopped');
      expect(summary.steps).toBeGreaterThanOrEqual(stopAtStep);
      expect(summary.steps).toBeLessThan(steps);
    }
    const last = await workshop.coordinator({ transport, out: 'parts', resume: true });
    const summary = await last.finished;
    expect(summary).toMatchObject({ outcome: 'finished', steps, modelSha256 });
    const file = await readFile(summary.modelPath);
    expect(createHash('sha256').update(file).digest('hex')).toBe(modelSha256);
    await worker.drain('the test is over');
    expect((await worker.finished).runs).toBe(3);
    await transport.close();
  });
});
