import { describe, expect, it } from 'vitest';
import { createBlockServer } from '../../src/coordinator/block-server.js';
import type { Pack } from '../../src/data/index.js';
import type { BlockResponse } from '../../src/protocol/index.js';
import { createFakePack } from './fake-pack.js';

const pack = createFakePack({ 'training-a': 640 });

/** A server whose sends are taken one by one, when the test says so. */
function slowServer(readBlock: Pack['readBlock'] = (block) => pack.readBlock(block)): {
  server: ReturnType<typeof createBlockServer>;
  sent: { worker: string; response: BlockResponse; taken: () => void }[];
  served: () => number;
} {
  const sent: { worker: string; response: BlockResponse; taken: () => void }[] = [];
  let count = 0;
  const server = createBlockServer({
    run: 'run-1',
    pack: { ...pack, readBlock },
    send: (worker, response) => new Promise((taken) => sent.push({ worker, response, taken })),
    onServed: () => {
      count += 1;
    },
  });
  return { server, sent, served: () => count };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the block server', () => {
  it('holds two blocks in memory at most, and serves all in their turn', async () => {
    const { server, sent, served } = slowServer();
    for (const [block, { hash }] of pack.manifest.blocks.entries()) server.request('w1', block, hash);
    for (let done = 0; done < 10; done++) {
      await settle();
      expect(sent.length).toBe(Math.min(done + 2, 10));
      sent[done].taken();
    }
    await settle();
    expect(served()).toBe(10);
    expect(sent.map(({ response }) => response.block)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(sent[3].response).toMatchObject({ error: '', bytes: await pack.readBlock(3) });
  });

  it('reads a block once for all who wait for it, and sends all of them the same response', async () => {
    const reads: number[] = [];
    const { server, sent, served } = slowServer((block) => {
      reads.push(block);
      return pack.readBlock(block);
    });
    const blocks = pack.manifest.blocks.slice(0, 4);
    for (const worker of ['w1', 'w2', 'w3'])
      for (const [block, { hash }] of blocks.entries()) server.request(worker, block, hash);
    for (let done = 0; done < 12; done++) {
      await settle();
      sent[done].taken();
    }
    await settle();
    expect([served(), sent.length]).toEqual([12, 12]);
    expect(reads).toEqual([0, 1, 2, 3]);
    for (const block of reads) {
      const ofBlock = sent.filter(({ response }) => response.block === block);
      expect(ofBlock.map(({ worker }) => worker).toSorted()).toEqual(['w1', 'w2', 'w3']);
      expect(new Set(ofBlock.map(({ response }) => response)).size).toBe(1);
    }
  });

  it('keeps no block when nobody waits, and none that could not be read', async () => {
    let reads = 0;
    const { server, sent } = slowServer((block) => {
      reads += 1;
      if (reads === 2) throw new Error('disk gone');
      return pack.readBlock(block);
    });
    const { hash } = pack.manifest.blocks[0];
    for (const error of ['', 'Block 0 cannot be read: disk gone', '']) {
      server.request('w1', 0, hash);
      await settle();
      const last = sent.at(-1);
      expect(last?.response.error).toBe(error);
      last?.taken();
      await settle();
    }
    expect(reads).toBe(3);
  });

  it('answers an impatient worker once', async () => {
    const { server, sent } = slowServer();
    for (let i = 0; i < 5; i++) {
      for (const block of [0, 1, 2]) server.request('w1', block, pack.manifest.blocks[block].hash);
    }
    await settle();
    sent[0].taken();
    await settle();
    expect(sent.map(({ response }) => response.block)).toEqual([0, 1, 2]);
  });

  it('says why there is no such block, or why it cannot be read', async () => {
    const { server, sent } = slowServer(() => Promise.reject(new Error('disk gone')));
    server.request('w1', 0, 'of other data');
    server.request('w1', 99, 'x');
    await settle();
    expect(sent.map(({ response }) => response.error)).toEqual([
      "The run's data has no block 0 with hash of other dat.",
      "The run's data has no block 99 with hash x.",
    ]);
    for (const { taken } of sent) taken();
    await settle();
    server.request('w1', 0, pack.manifest.blocks[0].hash);
    await settle();
    expect(sent[2].response.error).toBe('Block 0 cannot be read: disk gone');
  });
});
