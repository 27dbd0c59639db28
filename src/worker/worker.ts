import { join } from 'node:path';
import { resolveKernels } from '../engine/index.js';
import { openBlocks } from './blocks.js';
import type { RunningWorker, WorkerConfig } from './config.js';
import { watchEventLoop } from './event-loop-lag.js';
import { type Parts, Performer } from './performer.js';

const defaultBlockCacheBytes = 2 * 2 ** 30;

/**
 * Joins the lobby of the broker and works for one run at a time until drained, closed or, with `once`, the run is over.
 *
 * @throws KernelsUnavailableError; BrokerError if the broker cannot be reached
 */
export async function startWorker(config: WorkerConfig): Promise<RunningWorker> {
  const { kernels, reason } = resolveKernels(config.kernels);
  config.log.info(
    `Worker ${config.worker}: ${config.threads} compute threads, ${kernels.name} kernels (${reason}).`,
  );
  const blockFolder = join(config.cacheDir, 'blocks');
  const blocks = await openBlocks({
    folder: blockFolder,
    maxBytes: config.blockCacheBytes ?? defaultBlockCacheBytes,
    onWarning: (message) => config.log.warn(message),
  });
  const parts: Parts = { config, kernels, blocks, blockFolder, eventLoop: watchEventLoop() };
  try {
    const performer = new Performer(parts, await config.transport.openWorker({ worker: config.worker }));
    await performer.start();
    return performer;
  } catch (error) {
    parts.eventLoop.stop();
    blocks.close();
    throw error;
  }
}
