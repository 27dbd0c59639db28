import { describe, expect, it } from 'vitest';
import type { Task } from '../../src/protocol/index.js';
import { createEmbeddedTransport, type Transport } from '../../src/transport/index.js';
import { openWorkshop, type Workshop } from '../support/small-run.js';
import type { Faults } from './fake-worker.js';
import { expectedSha256, folder, sampleOf, startCluster } from './run-stage.js';

/** Tasks that were quarantined over this transport, with the reason that stands beside them. */
function watchDead(): { transport: Transport; dead: { task: Task; reason: string }[] } {
  const inner = createEmbeddedTransport();
  const dead: { task: Task; reason: string }[] = [];
  const openCoordinator: Transport['openCoordinator'] = async (options) => {
    const link = await inner.openCoordinator(options);
    return {
      ...link,
      quarantineTask: async (task, reason) => {
        dead.push({ task, reason });
        await link.quarantineTask(task, reason);
      },
    };
  };
  return { transport: { ...inner, openCoordinator }, dead };
}

const failureOf = (finished: Promise<unknown>): Promise<unknown> =>
  finished.then(
    () => null,
    (reason: unknown) => reason,
  );

const hasPoison = (task: Task): boolean => task.mode === 'train' && task.samples.includes(77);

describe('a block that no worker can compute', () => {
  it('because it kills them: named, quarantined, counted, and the checkpoint before stays', async () => {
    const { transport, dead } = watchDead();
    // At once, before any regular heartbeat could tell who has what in hand.
    const killed: Faults = { die: hasPoison };
    const { coordinator, registry } = await startCluster([killed, killed, killed], {
      transport,
      heartbeatMs: 50,
    });
    const error = await failureOf(coordinator.finished);
    if (error === null) throw new Error('Expected the run to stop at the block that kills its workers.');
    expect(error).toMatchObject({
      name: 'RunStoppedError',
      samples: expect.arrayContaining(['training-a/77.png']),
    });
    expect(await sampleOf(registry, 'onko_quarantined_total')).toBe(1);
    expect(dead).toHaveLength(1);
    expect(dead[0]?.task.samples).toContain(77);
    expect(dead[0]?.reason).toContain('training-a/77.png');
  });

  it('because its data come damaged, to whoever asks: the message says so, and which samples', async () => {
    const workshop: Workshop = await openWorkshop();
    try {
      const { pack } = workshop;
      const transport = createEmbeddedTransport();
      const coordinator = await workshop.coordinator({
        transport,
        out: 'damaged',
        minWorkers: 2,
        pack: {
          ...pack,
          manifest: pack.manifest,
          names: (index: number) => pack.names(index),
          readBlock: async (block: number) => {
            const bytes = (await pack.readBlock(block)).slice();
            bytes[bytes.length - 1] ^= 1;
            return bytes;
          },
        },
      });
      const workers = await Promise.all(['w1', 'w2'].map((worker) => workshop.worker({ transport, worker })));
      const error = await failureOf(coordinator.finished);
      expect(error).toMatchObject({
        name: 'RunStoppedError',
        message: expect.stringMatching(
          /failed (?:on 2 different workers|again and again on one worker) \(w\d: Data block \d+ could not be fetched in 5 attempts: .*[0-9a-f]{12}.*training-a\/a\d+\.png/,
        ),
      });
      await Promise.all(workers.map((worker) => worker.close()));
      await transport.close();
    } finally {
      await workshop.dispose();
    }
  });
});

const notFinite: Faults['spoil'] = (result) => {
  if (result.mode === 'train')
    new Float32Array(result.gradient.buffer, result.gradient.byteOffset, 1)[0] = Number.NaN;
};
const tooShort: Faults['spoil'] = (result) => {
  result.gradient = result.gradient.subarray(0, 8);
};

describe('results that are poison', () => {
  it.each([
    ['not finite', 'not_finite', notFinite],
    ['too short', 'wrong_length', tooShort],
  ] as const)(
    'of one worker (%s) are counted and never used, and it is expelled',
    async (_what, reason, spoil) => {
      const { coordinator, registry } = await startCluster([{ spoil }, {}, {}], {
        outDir: `${folder}/${reason}`,
      });
      expect((await coordinator.finished).modelSha256).toBe(await expectedSha256());
      expect(await sampleOf(registry, 'onko_rejects_total', { reason })).toBeGreaterThanOrEqual(2);
      expect(await sampleOf(registry, 'onko_expelled_workers_total')).toBe(1);
    },
  );
});
