import { randomBytes } from 'node:crypto';
import { availableParallelism, hostname } from 'node:os';
import { createRegistry, serveMetrics } from '../../metrics/index.js';
import { isIdentifier } from '../../protocol/index.js';
import { createRabbitTransport } from '../../transport/index.js';
import { type RunningWorker, startWorker } from '../../worker/index.js';
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
  const access = await brokerAccess(values);
  const registry = createRegistry();
  let running: RunningWorker | null = null;
  const health = (): string | null =>
    running === null ? 'The broker is not reached yet.' : running.illness();
  const cleanups: (() => Promise<void>)[] = [];
  try {
    if (values.metricsPort !== null) {
      const at = {
        host: values.metricsHost,
        port: values.metricsPort,
        allowedHosts: values.allowHost ?? [],
      };
      const server = await serveMetrics({ registry, ...at, health });
      cleanups.push(() => server.close());
      log.info('metrics are served', { url: `${server.url}/metrics` });
    }
    const transport = await createRabbitTransport({
      ...access,
      waitForBrokerMs: values.brokerWait * 1000,
      retryForMs: values.brokerRetry * 1000,
      connectionName: `onko worker ${worker}`,
      log,
    });
    cleanups.push(() => transport.close());
    signals.stop.throwIfAborted();
    const started = await startWorker({
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
      metrics: registry,
    });
    running = started;
    const drain = (): void => {
      started
        .drain(signals.received() ?? 'stopped')
        .catch((error: unknown) => log.warn('the last block could not be handed in', { error }));
    };
    signals.stop.addEventListener('abort', drain, { once: true });
    if (signals.stop.aborted) drain();
    const summary = await started.finished;
    log.info('the worker is done', { runs: summary.runs, images: summary.images });
    return 0;
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

/** `HOST-PID-xxxx`, unique on a broker as far as chance allows. */
export function newWorkerId(host: string, pid: number): string {
  const name = host.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 32) || 'host';
  return `${name}-${pid}-${randomBytes(2).toString('hex')}`;
}
