import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { resolveKernels } from '../../engine/index.js';
import { createRegistry, type Registry, serveMetrics } from '../../metrics/index.js';
import { isIdentifier } from '../../protocol/index.js';
import { createRabbitTransport, type Transport } from '../../transport/index.js';
import { brokerAccess } from '../broker-access.js';
import { UsageError } from '../errors.js';
import type { Values } from '../options/table.js';
import type { reducerTable, workerTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { checkRunName } from './run-name.js';

/** A worker or a reducer: serves one run after the other until it is told to go. */
export interface RunningMember<Summary> {
  readonly finished: Promise<Summary>;
  /** Why it is not well; null if it is. */
  illness(): string | null;
  /** Hands in what it has, and leaves. */
  drain(reason: string): Promise<void>;
}

type MemberValues = Pick<
  Values<typeof workerTable>,
  keyof Values<typeof workerTable> & keyof Values<typeof reducerTable>
>;

/** What a member is started with beside its own options. */
export interface MemberParts {
  name: string;
  transport: Transport;
  metrics: Registry;
}

/**
 * Serves metrics, connects, starts the member, and lets it drain when the process is told to stop; → what it has done.
 * @param notHandedIn what to say if it cannot hand in what it has
 */
export async function serveAsMember<Summary>(
  kind: 'worker' | 'reducer',
  values: MemberValues,
  { host, log, signals }: Session,
  notHandedIn: string,
  start: (parts: MemberParts) => Promise<RunningMember<Summary>>,
): Promise<Summary> {
  const name = values.id ?? newMemberId(hostname(), host.pid);
  if (!isIdentifier(name)) {
    throw new UsageError(`--id "${name}" cannot be a ${kind}'s name: use letters, digits, ".", "_" and "-".`);
  }
  checkRunName(values.run);
  // Throws for a name that there is not: not only when the broker is reached.
  resolveKernels(values.kernels ?? undefined);
  const access = await brokerAccess(values);
  const metrics = createRegistry();
  let running: RunningMember<Summary> | null = null;
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
      const server = await serveMetrics({ registry: metrics, ...at, health });
      cleanups.push(() => server.close());
      log.info('metrics are served', { url: `${server.url}/metrics` });
    }
    const transport = await createRabbitTransport({
      ...access,
      waitForBrokerMs: values.brokerWait * 1000,
      retryForMs: values.brokerRetry * 1000,
      connectionName: `onko ${kind} ${name}`,
      log,
    });
    cleanups.push(() => transport.close());
    signals.stop.throwIfAborted();
    const started = await start({ name, transport, metrics });
    running = started;
    const drain = (): void => {
      started
        .drain(signals.received() ?? 'stopped')
        .catch((error: unknown) => log.warn(notHandedIn, { error }));
    };
    signals.stop.addEventListener('abort', drain, { once: true });
    if (signals.stop.aborted) drain();
    return await started.finished;
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}

/** `HOST-PID-xxxx`, unique on a broker as far as chance allows. */
export function newMemberId(host: string, pid: number): string {
  const name = host.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 32) || 'host';
  return `${name}-${pid}-${randomBytes(2).toString('hex')}`;
}
