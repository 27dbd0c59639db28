import type { Log } from '../metrics/index.js';
import type { Task, Weights } from '../protocol/index.js';
import type { WorkerLink } from '../transport/index.js';
import type { CurrentRun } from './current-run.js';
import type { Deliveries } from './deliveries.js';
import type { WorkerAction, WorkerEvent } from './events.js';
import type { WorkerMetrics } from './metrics.js';
import type { Outgoing } from './outgoing.js';
import { unlessAway } from './sending.js';

/** What the effects act on. */
export interface EffectTargets {
  link: WorkerLink;
  log: Log;
  metrics: WorkerMetrics;
  current: CurrentRun;
  deliveries: Deliveries;
  outgoing: Outgoing;
  /** Takes what came of an effect. */
  raise: (event: WorkerEvent) => void;
  /** Lets something go on by itself. An error in it ends the worker. */
  background: (work: Promise<void>) => void;
  finish: () => Promise<void>;
}

/** The effect of every action: on tasks, threads and messages. `weights`: those that came with the event at hand. */
export function createEffects(
  targets: EffectTargets,
): (action: WorkerAction, weights: Weights | undefined) => void {
  const { link, log, metrics, current, deliveries, outgoing, raise, background, finish } = targets;

  const pauseTasks = async (run: string): Promise<void> => {
    await unlessAway(link.pauseTasks(), log);
    raise({ type: 'paused', run });
  };

  const sendFailure = async (delivery: number, task: Task, reason: string): Promise<void> => {
    await outgoing.taskFailed(task, reason);
    raise({ type: 'failure_sent', delivery });
  };

  return (action, weights) => {
    const { session } = current;
    switch (action.type) {
      case 'hello':
        return background(outgoing.hello());
      case 'join':
        return current.join(action.offer);
      case 'leave':
        return background(current.leave(action.run));
      case 'ready':
        log.debug(`Ready for run ${action.run}.`, { fence: action.fence });
        return background(outgoing.ready(action.run, action.fence));
      case 'heartbeat':
        return background(outgoing.heartbeat(action));
      case 'goodbye':
        return current.sayGoodbye(action.run, action.reason);
      case 'pause_tasks':
        return background(pauseTasks(action.run));
      case 'keep_weights':
        if (weights !== undefined) {
          const { parameters, encoding } = weights;
          session?.weights.keep(action.version, parameters, encoding, action.versions);
        }
        return;
      case 'request_block': {
        const { run, block } = action;
        return background(outgoing.requestBlock(run, block, session?.blockHash(block) ?? ''));
      }
      case 'compute':
        if (session === null) throw new Error('Asked to compute outside of a run.');
        return background(deliveries.compute(session, action));
      case 'abandon':
        return session?.abandon(action.delivery);
      case 'publish':
        return background(deliveries.publish(link, action));
      case 'send_failure':
        metrics.finished('failed');
        return background(sendFailure(action.delivery, action.task, action.reason));
      case 'settle':
        return deliveries.settle(action.delivery, action.verdict);
      case 'forget':
        return deliveries.forget(action.delivery);
      case 'report':
        return log[action.level](action.message);
      case 'finish':
        return background(finish());
      default:
        throw new TypeError(`Not an action: ${JSON.stringify(action satisfies never)}`);
    }
  };
}
