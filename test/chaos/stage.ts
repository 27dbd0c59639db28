import { type FaultRuns, openFaultRuns, stepsPerEpoch } from '../support/fault-run.js';
import { findOrInstallServer } from '../support/install-broker.js';
import type { PrivateBroker } from '../support/private-broker.js';
import { startBroker } from '../support/start-broker.js';
import { type Link, openNamespaceLink, openProxyLink, whyNoNamespaces } from './links.js';
import { heartbeatMs } from './schedule.js';

/** What all schedules share: a broker of their own, a small data set, and the model that each of them must end with. */
export interface Stage {
  broker: PrivateBroker;
  runs: FaultRuns;
  /** Arguments of every coordinator. */
  args: string[];
  /** SHA-256 of the model of the run that nothing happened to. */
  quiet: string;
  /** `namespace`: of the kernel's own. `proxy`: where those are not permitted, and for the coordinator. */
  openLink(kind: 'worker' | 'coordinator'): Promise<Link>;
  /** Why the links of workers are no network namespaces; null if they are. */
  whyProxies: string | null;
  close(): Promise<void>;
}

/**
 * @param o.steps of every run, whole epochs
 * @param o.delay of every run; none if it is not given
 * @param o.broker one of its own is started if none is given; either is stopped in the end
 */
export async function openStage(o: {
  steps: number;
  delay?: number;
  broker?: PrivateBroker;
  signal?: AbortSignal;
}): Promise<Stage> {
  const whyProxies = await whyNoNamespaces();
  const started = o.broker ?? (await startBroker(await findOrInstallServer()));
  let runs: FaultRuns | null = null;
  const close = async (): Promise<void> => {
    await runs?.dispose();
    await started.stop();
  };
  try {
    o.signal?.throwIfAborted();
    runs = await openFaultRuns(started.url);
    const args = [
      '--epochs',
      String(o.steps / stepsPerEpoch),
      '--heartbeat-ms',
      String(heartbeatMs),
      '--broker-wait',
      '120',
      ...(o.delay === undefined || o.delay === 0 ? [] : ['--delay', String(o.delay)]),
    ];
    const worker = await runs.worker('quiet', ['--once']);
    const coordinator = await runs.coordinator('runs/quiet', args);
    for (const program of [coordinator, worker]) {
      const { code, stdout, stderr } = await program.ended;
      if (code !== 0) throw new Error(`The quiet run ended with ${code}:\n${stdout}${stderr}`);
    }
    return {
      broker: started,
      runs,
      args,
      quiet: await runs.modelSha256('runs/quiet'),
      openLink: (kind) =>
        kind === 'worker' && whyProxies === null
          ? openNamespaceLink(started.url)
          : openProxyLink(started.url),
      whyProxies,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
