import type { Pack } from '../data/index.js';
import type { BlockResponse } from '../protocol/index.js';

/**
 * Data blocks for workers that lack them: few at a time, each asked for once, so memory is that of a few blocks. Whoever waits for a block that is in
 * memory comes first: a cluster that begins has all its workers ask for all blocks, and each is read about once.
 */
export interface BlockServer {
  request(worker: string, block: number, hash: string): void;
  /** Drops what has not been read yet. */
  close(): void;
}

/** Blocks in memory at once. */
const atOnce = 2;

const nothing = new Uint8Array(0);

interface Asked {
  worker: string;
  block: number;
  hash: string;
}

export function createBlockServer(o: {
  run: string;
  pack: Pack;
  /** Gets the same response for all who ask for a block while it is in memory. Rejections are the sender's to handle: the worker asks again. */
  send: (worker: string, response: BlockResponse) => Promise<void>;
  onServed: () => void;
}): BlockServer {
  const queue: Asked[] = [];
  /** Those of the last blocks; the newest is last. */
  const inMemory = new Map<number, Promise<BlockResponse>>();
  const active = new Set<Asked>();

  const read = async ({ block, hash }: Asked): Promise<BlockResponse> => {
    const answer = { type: 'block_response', run: o.run, block, hash } as const;
    try {
      return { ...answer, bytes: await o.pack.readBlock(block), error: '' };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { ...answer, bytes: nothing, error: `Block ${block} cannot be read: ${reason}` };
    }
  };

  const responseTo = (asked: Asked): Promise<BlockResponse> => {
    const { block } = asked;
    const response = inMemory.get(block) ?? read(asked);
    inMemory.delete(block);
    inMemory.set(block, response);
    if (inMemory.size > atOnce) inMemory.delete([...inMemory.keys()][0]);
    return response;
  };

  const serve = async (asked: Asked): Promise<void> => {
    const { worker, block, hash } = asked;
    if (o.pack.manifest.blocks[block]?.hash !== hash) {
      const error = `The run's data has no block ${block} with hash ${hash.slice(0, 12)}.`;
      return o.send(worker, { type: 'block_response', run: o.run, block, hash, bytes: nothing, error });
    }
    const response = await responseTo(asked);
    // Whoever asks again has it read again.
    if (response.error !== '') inMemory.delete(block);
    await o.send(worker, response);
    if (response.error === '') o.onServed();
  };

  const takeNext = (): Asked | undefined => {
    const at = queue.findIndex(({ block }) => inMemory.has(block));
    return at < 0 ? queue.shift() : queue.splice(at, 1)[0];
  };

  const pump = (): void => {
    while (active.size < atOnce) {
      const next = takeNext();
      // They were for the workers that waited; it may be long until another one comes.
      if (next === undefined && active.size === 0) inMemory.clear();
      if (next === undefined) return;
      active.add(next);
      void serve(next).finally(() => {
        active.delete(next);
        pump();
      });
    }
  };

  return {
    request(worker, block, hash) {
      // An impatient worker asks again while its first question still waits, or is being answered.
      const isSame = (asked: Asked): boolean => asked.worker === worker && asked.block === block;
      if (queue.some(isSame) || [...active].some(isSame)) return;
      queue.push({ worker, block, hash });
      pump();
    },
    close() {
      queue.length = 0;
    },
  };
}
