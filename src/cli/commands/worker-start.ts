import { availableParallelism, hostname } from 'node:os';
import { startWorker } from '../../worker/index.js';
import type { ExitCode } from '../exit-codes.js';
import { defaultCacheDir } from '../folders.js';
import { version } from '../host.js';
import type { Values } from '../options/table.js';
import type { workerTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { serveAsMember } from './member.js';

/** `worker start`: works for one run after the other until it is told to go. An orderly drain is success: exit code 0. */
export async function runWorkerStart(
  values: Values<typeof workerTable>,
  session: Session,
): Promise<ExitCode> {
  const { host, log } = session;
  const unsaid = 'the last block could not be handed in';
  const { runs, images } = await serveAsMember('worker', values, session, unsaid, ({ name, ...parts }) =>
    startWorker({
      ...parts,
      worker: name,
      threads: values.threads ?? availableParallelism(),
      ...(values.kernels === null ? {} : { kernels: values.kernels }),
      cacheDir: values.cacheDir ?? defaultCacheDir(host.env),
      ...(values.data === null ? {} : { localData: { dataDir: values.data } }),
      blockCacheBytes: values.blockCache * 2 ** 20,
      once: values.once,
      run: values.run,
      log,
      machine: { host: hostname(), pid: host.pid, rssBytes: host.rssBytes },
      version,
    }),
  );
  log.info('the worker is done', { runs, images });
  return 0;
}
