import { hostname } from 'node:os';
import type { Kernels } from '../engine/index.js';
import type { Heartbeat, Task } from '../protocol/index.js';
import type { WorkerLink } from '../transport/index.js';
import type { WorkerConfig } from './config.js';
import type { EventLoopWatch } from './event-loop-lag.js';
import type { WorkerMetrics } from './metrics.js';
import { unlessAway } from './sending.js';
import { packageVersion } from './version.js';

/** What the decider knows of a heartbeat. */
export type Beat = Pick<Heartbeat, 'run' | 'fence' | 'steps' | 'nodes' | 'images'>;

/** What a worker says. Each resolves when it is said, or when nobody is there to hear it. */
export interface Outgoing {
  hello(): Promise<void>;
  ready(run: string, fence: number): Promise<void>;
  /** With how the process is. */
  heartbeat(beat: Beat): Promise<void>;
  requestBlock(run: string, block: number, hash: string): Promise<void>;
  taskFailed(task: Task, reason: string): Promise<void>;
}

export function createOutgoing(o: {
  config: WorkerConfig;
  kernels: Kernels;
  link: WorkerLink;
  metrics: WorkerMetrics;
  eventLoop: EventLoopWatch;
}): Outgoing {
  const { config, kernels, link, metrics, eventLoop } = o;
  const { worker, threads, machine, log } = config;
  const send = (...[run, message]: Parameters<WorkerLink['send']>): Promise<void> =>
    unlessAway(link.send(run, message), log);
  return {
    async hello() {
      await unlessAway(
        link.hello({
          type: 'hello',
          worker,
          host: machine?.host ?? hostname(),
          pid: machine?.pid ?? 0,
          threads,
          numericsId: kernels.numericsId,
          kernels: kernels.name,
          version: versionOf(config),
        }),
        log,
      );
    },
    ready: (run, fence) => send(run, { type: 'ready', run, fence, worker, threads }),
    heartbeat({ run, fence, nodes, steps, images }) {
      const vitals = {
        rssBytes: machine?.rssBytes() ?? 0,
        eventLoopLagMs: eventLoop.takeMs(),
        ...metrics.counts(),
      };
      return send(run, { type: 'heartbeat', run, fence, worker, nodes, steps, images, ...vitals });
    },
    requestBlock: (run, block, hash) => send(run, { type: 'block_request', run, worker, block, hash }),
    taskFailed({ run, fence, step, pass, node, samples }, reason) {
      const where = { run, fence, step, pass, node, worker };
      return send(run, { type: 'task_failed', ...where, reason, samples });
    },
  };
}

/** Onko's version, by which a coordinator knows its own. */
export function versionOf(config: WorkerConfig): string {
  return config.version ?? packageVersion();
}
