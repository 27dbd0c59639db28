import { expect, test, vi } from 'vitest';
import { createEmbeddedTransport } from '../../src/transport/index.js';
import { transportConformance } from './conformance.js';
import { result, weights } from './samples.js';

transportConformance('embedded', async () => {
  const transport = createEmbeddedTransport();
  return {
    // All parties share the one transport: it is the broker, too.
    connect: async () => transport,
    connectVictim: async () => {
      const opened: { close(): Promise<void> }[] = [];
      return {
        transport: {
          ...transport,
          openWorker: async (options) => {
            const link = await transport.openWorker(options);
            opened.push(link);
            return link;
          },
          openReducer: async (options) => {
            const link = await transport.openReducer(options);
            opened.push(link);
            return link;
          },
        },
        kill: async () => {
          for (const link of opened) await link.close();
        },
      };
    },
    leftovers: async () => [],
    dispose: () => transport.close(),
  };
});

test('tensors are handed over by reference, shared memory included', async () => {
  const transport = createEmbeddedTransport();
  const boss = await transport.openCoordinator({ run: 'r1', fence: 1 });
  const worker = await transport.openWorker({ worker: 'w1' });
  const parameters = new Uint8Array(new SharedArrayBuffer(64));
  const gradient = new Uint8Array(new SharedArrayBuffer(64));
  const seen: Uint8Array[] = [];
  await worker.joinRun('r1', {
    prefetch: 1,
    task: async () => 'ack',
    weights: (one) => void seen.push(one.parameters),
  });
  await boss.receive((message) => {
    if (message.type === 'result') seen.push(message.gradient);
    return 'ack';
  });
  await boss.broadcastWeights(weights('r1', 0, parameters));
  await vi.waitFor(() => expect(seen.length).toBe(1));
  await worker.publishResult(result('r1', { gradient }));
  await vi.waitFor(() => expect(seen.length).toBe(2));
  expect(seen[0]).toBe(parameters);
  expect(seen[1]).toBe(gradient);
  await transport.close();
});
