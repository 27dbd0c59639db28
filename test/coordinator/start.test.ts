import { expect, it } from 'vitest';
import { createEmbeddedTransport, type Transport } from '../../src/transport/index.js';
import { startFakeWorker } from './fake-worker.js';
import { closers, expectedSha256, pack, startCluster } from './run-stage.js';

/** A broker may deliver to one queue while the other is not consumed yet: here it does so for as long as a worker takes to join. */
function slowToReceive(inner: Transport, done: string[]): Transport {
  return {
    ...inner,
    openCoordinator: async (options) => {
      const link = await inner.openCoordinator(options);
      return {
        ...link,
        receive: async (handler) => {
          await link.receive(handler);
          await link.announce();
          // Hello, offer, ready: a turn of the event loop or two for each.
          for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
        },
        purgeTasks: () => {
          done.push('purge');
          return link.purgeTasks();
        },
        publishTask: (task) => {
          done.push('publish');
          return link.publishTask(task);
        },
      };
    },
  };
}

it('begins before it takes up what arrives, so that it empties no queue of its own tasks', async () => {
  const embedded = createEmbeddedTransport();
  const done: string[] = [];
  const worker = await startFakeWorker(embedded, 'early', pack, {});
  closers.unshift(() => worker.die());
  const { coordinator } = await startCluster([], { transport: slowToReceive(embedded, done) });
  const { modelSha256 } = await coordinator.finished;
  expect(done[0]).toBe('purge');
  expect(done.filter((what) => what === 'purge')).toHaveLength(1);
  expect(modelSha256).toBe(await expectedSha256());
});
