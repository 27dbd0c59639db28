import type { Task } from '../../src/protocol/index.js';
import type { Delivery, Transport } from '../../src/transport/index.js';

/**
 * The same transport; `onTask` is told of every task that reaches a worker over it, before the worker is, and can hold it
 * back. `onJoined` is told when a worker has subscribed to a run.
 */
export function watchTasks(
  transport: Transport,
  onTask: (task: Task, delivery: Delivery) => void | Promise<void>,
  onJoined: () => void = () => undefined,
): Transport {
  return {
    ...transport,
    openWorker: async (options) => {
      const link = await transport.openWorker(options);
      return {
        ...link,
        joinRun: async (run, joined) => {
          await link.joinRun(run, {
            ...joined,
            task: async (task, delivery) => {
              await onTask(task, delivery);
              return joined.task(task, delivery);
            },
          });
          onJoined();
        },
      };
    },
  };
}
