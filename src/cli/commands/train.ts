import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../metrics/index.js';
import { createEmbeddedTransport } from '../../transport/index.js';
import { startWorker } from '../../worker/index.js';
import type { ExitCode } from '../exit-codes.js';
import { version } from '../host.js';
import type { Values } from '../options/table.js';
import type { trainTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { runTraining } from './run-training.js';

/** `onko train`: a coordinator and its workers in this process, over the embedded transport. */
export async function runTrain(values: Values<typeof trainTable>, session: Session): Promise<ExitCode> {
  const { host, log } = session;
  const count = values.workers ?? availableParallelism();
  return runTraining(
    values,
    {
      // All of them: which worker computes what changes no bit, but a run should not begin on half of its threads.
      minWorkers: count,
      reducers: 0,
      workerWaitMs: 60_000,
      heartbeatMs: 2000,
      run: { name: null, takeOver: false },
      workerCommand: null,
      resumeCommand: 'onko train',
      way: { workers: count, threadsPerWorker: 1, messageMs: null },
      openTransport: async () => createEmbeddedTransport(),
      startWorkers: async ({ transport, kernels, cacheDir }) => {
        const workers = await Promise.all(
          Array.from({ length: count }, (_, i) =>
            startWorker({
              worker: `local-${i + 1}`,
              transport,
              threads: 1,
              kernels: kernels.name,
              cacheDir: join(cacheDir, 'blocks'),
              once: true,
              log: quieter(log.child({ worker: `local-${i + 1}` })),
              machine: { host: hostname(), pid: host.pid, rssBytes: host.rssBytes },
              version,
            }),
          ),
        );
        for (const worker of workers) {
          worker.finished.catch((error: unknown) => log.error('a worker failed', { error }));
        }
        return async () => {
          await Promise.all(workers.map((worker) => worker.close()));
        };
      },
    },
    session,
  );
}

/** In one process the coordinator tells what its workers do; their own account of it is for who looks closer. */
function quieter(log: Log): Log {
  return {
    ...log,
    info: (message, fields) => log.debug(message, fields),
    child: (fields) => quieter(log.child(fields)),
  };
}
