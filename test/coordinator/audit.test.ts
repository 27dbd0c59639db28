import { describe, expect, it } from 'vitest';
import { asFloat32 } from '../../src/protocol/index.js';
import { type Faults, startFakeWorker } from './fake-worker.js';
import { expectedSha256, pack, sampleOf, startCluster } from './run-stage.js';

/** The smallest lie there is: the last bit of one value. */
const lie: Faults['spoil'] = (result) => {
  if (result.mode === 'train' && result.step >= 2) {
    const values = new Uint32Array(asFloat32(result.gradient).buffer, result.gradient.byteOffset, 1);
    values[0] = (values[0] ?? 0) ^ 1;
  }
};

describe('a run with audits', () => {
  it('ends with the bits of one without, and says how many blocks were compared', async () => {
    const { coordinator, registry } = await startCluster([{}, {}, {}], { auditShare: 0.3 });
    expect((await coordinator.finished).modelSha256).toBe(await expectedSha256());
    expect(await sampleOf(registry, 'onko_audits_total')).toBeGreaterThan(0);
    expect(await sampleOf(registry, 'onko_audit_mismatches_total')).toBe(0);
    expect(await sampleOf(registry, 'onko_expelled_workers_total')).toBe(0);
  });

  it('expels the worker that computes wrongly, and ends with the right bits', async () => {
    const { coordinator, registry, warnings } = await startCluster([{ spoil: lie }, {}, {}], {
      auditShare: 1,
    });
    expect((await coordinator.finished).modelSha256).toBe(await expectedSha256());
    expect(await sampleOf(registry, 'onko_expelled_workers_total')).toBe(1);
    expect(await sampleOf(registry, 'onko_audit_mismatches_total')).toBe(1);
    expect(warnings.filter((line) => line.includes('expelled'))).toEqual([
      expect.stringMatching(
        /^Worker w0 on here is expelled from the run: its result for block \d+ of step 2 had other bits than that of w\d and w\d\./,
      ),
    ]);
  });

  it('waits for a third worker when two insist on different bits', async () => {
    let third: Promise<unknown> | null = null;
    const { coordinator, config, warnings } = await startCluster(
      [{ spoil: lie }, {}],
      { auditShare: 1 },
      () => {
        if (warnings.some((line) => line.startsWith('Audit: '))) {
          third ??= startFakeWorker(config.transport, 'w2', pack);
        }
      },
    );
    expect((await coordinator.finished).modelSha256).toBe(await expectedSha256());
    expect(third).not.toBeNull();
    expect(warnings.filter((line) => line.includes('Worker w0 on here is expelled'))).toHaveLength(1);
  });

  it('gives up when nobody comes to decide', async () => {
    const { coordinator } = await startCluster([{ spoil: lie }, {}], { auditShare: 1, workerWaitMs: 1_000 });
    await expect(coordinator.finished).rejects.toThrow(
      /give different results for block \d+ of step 2.*Nothing of the block was used/,
    );
  });
});
