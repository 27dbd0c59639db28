import { hostname } from 'node:os';
import { createRegistry, serveMetrics } from '../../metrics/index.js';
import { isIdentifier } from '../../protocol/index.js';
import { type RunningReducer, startReducer } from '../../reducer/index.js';
import { createRabbitTransport } from '../../transport/index.js';
import { brokerAccess } from '../broker-access.js';
import { UsageError } from '../errors.js';
import type { ExitCode } from '../exit-codes.js';
import { version } from '../host.js';
import type { Values } from '../options/table.js';
import type { reducerTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { checkRunName } from './run-name.js';
import { newWorkerId } from './worker-start.js';

/** `reducer start`: sums for one run after the other until it is told to go. Leaving in order is success: exit code 0. */
export async function runReducerStart(
  values: Values<typeof reducerTable>,
  session: Session,
): Promise<ExitCode> {
  const { host, log, signals } = session;
  const reducer = values.id ?? newWorkerId(hostname(), host.pid);
  if (!isIdentifier(reducer)) {
    throw new UsageError(
      `--id "${reducer}" cannot be a reducer's name: use letters, digits, ".", "_" and "-".`,
    );
  }
  checkRunName(values.run);
  const access = await brokerAccess(values);
  const registry = createRegistry();
  let running: RunningReducer | null = null;
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
      connectionName: `onko reducer ${reducer}`,
      log,
    });
    cleanups.push(() => transport.close());
    signals.stop.throwIfAborted();
    const started = await startReducer({
      reducer,
      transport,
      ...(values.kernels === null ? {} : { kernels: values.kernels }),
      once: values.once,
      run: values.run,
      log,
      metrics: registry,
      machine: { host: hostname(), pid: host.pid },
      version,
    });
    running = started;
    const drain = (): void => {
      started
        .drain(signals.received() ?? 'stopped')
        .catch((error: unknown) => log.warn('the range could not be given back', { error }));
    };
    signals.stop.addEventListener('abort', drain, { once: true });
    if (signals.stop.aborted) drain();
    const summary = await started.finished;
    log.info('the reducer is done', { runs: summary.runs, sums: summary.sums });
    return 0;
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}
