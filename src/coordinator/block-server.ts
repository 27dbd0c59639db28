import type { Pack } from '../data/index.js';
import type { BlockResponse } from '../protocol/index.js';

/** Data blocks for workers that lack them: few at a time, each asked for once, so memory is that of a few blocks. */
export interface BlockServer {
  request(worker: string, block: number, hash: string): void;
  /** Drops what has not been read yet. */
  close(): void;
}

/** Blocks in memory at once. */
const atOnce = 2;

export function createBlockServer(o: {
  run: string;
  pack: Pack;
  /** Rejections are the sender's to handle: the worker asks again. */
  send: (worker: string, response: BlockResponse) => Promise<void>;
  onServed: () => void;
}): BlockServer {
  const queue: { worker: string; block: number; hash: string }[] = [];
  let active = 0;

  const serve = async ({ worker, block, hash }: (typeof queue)[number]): Promise<void> => {
    const answer = { type: 'block_response', run: o.run, block, hash } as const;
    const nothing = new Uint8Array(0);
    const known = o.pack.manifest.blocks[block];
    if (known === undefined || known.hash !== hash) {
      const error = `The run's data has no block ${block} with hash ${hash.slice(0, 12)}.`;
      return o.send(worker, { ...answer, bytes: nothing, error });
    }
    let bytes: Uint8Array;
    try {
      bytes = await o.pack.readBlock(block);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return o.send(worker, { ...answer, bytes: nothing, error: `Block ${block} cannot be read: ${reason}` });
    }
    await o.send(worker, { ...answer, bytes, error: '' });
    o.onServed();
  };

  const pump = (): void => {
    while (active < atOnce) {
      const next = queue.shift();
      if (next === undefined) return;
      active += 1;
      void serve(next).finally(() => {
        active -= 1;
        pump();
      });
    }
  };

  return {
    request(worker, block, hash) {
      // An impatient worker asks again while its first question still waits.
      if (queue.some((asked) => asked.worker === worker && asked.block === block)) return;
      queue.push({ worker, block, hash });
      pump();
    },
    close() {
      queue.length = 0;
    },
  };
}
