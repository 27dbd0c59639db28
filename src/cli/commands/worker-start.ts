import { randomBytes } from 'node:crypto';
import { availableParallelism, hostname } from 'node:os';
import { isIdentifier } from '../../protocol/index.js';
import { createRabbitTransport } from '../../transport/index.js';
import { startWorker } from '../../worker/index.js';
import { brokerAccess } from '../broker-access.js';
import { UsageError } from '../errors.js';
import type { ExitCode } from '../exit-codes.js';
import { defaultCacheDir } from '../folders.js';
import { version } from '../host.js';
import type { Values } from '../options/table.js';
import type { workerTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { checkRunName } from './run-name.js';

/** `worker start`: works for one run after the other until it is told to go. An orderly drain is success: exit code 0. */
export async function runWorkerStart(
  values: Values<typeof workerTable>,
  session: Session,
): Promise<ExitCode> {
  const { host, log, signals } = session;
  const worker = values.id ?? newWorkerId(hostname(), host.pid);
  if (!isIdentifier(worker)) {
    throw new UsageError(
      `--id "${worker}" cannot be a worker's name: use letters, digits, ".", "_" and "-".`,
    );
  }
  checkRunName(values.run);
  const transport = await createRabbitTransport({
    ...(await brokerAccess(values)),
    waitForBrokerMs: values.brokerWait * 1000,
    retryForMs: values.brokerRetry * 1000,
    connectionName: `onko worker ${worker}`,
    log,
  });
  try {
    signals.stop.throwIfAborted();
    const running = await startWorker({
      worker,
      transport,
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
    });
    const drain = (): void => {
      running
        .drain(signals.received() ?? 'stopped')
        .catch((error: unknown) => log.warn('the last block could not be handed in', { error }));
    };
    signals.stop.addEventListener('abort', drain, { once: true });
    if (signals.stop.aborted) drain();
    const summary = await running.finished;
    log.info('the worker is done', { runs: summary.runs, images: summary.images });
    return 0;
  } finally {
    await transport.close();
  }
}

/** `HOST-PID-xxxx`, unique on a broker as far as chance allows. */
export function newWorkerId(host: string, pid: number): string {
  const name = host.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 32) || 'host';
  return `${name}-${pid}-${randomBytes(2).toString('hex')}`;
}
