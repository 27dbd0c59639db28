import type { Task } from '../../src/protocol/index.js';
import type { Delivery, Transport } from '../../src/transport/index.js';

/** The same transport; `onTask` is told of every task that reaches a worker over it, before the worker is. */
export function watchTasks(
  transport: Transport,
  onTask: (task: Task, delivery: Delivery) => void,
): Transport {
  return {
    ...transport,
    openWorker: async (options) => {
      const link = await transport.openWorker(options);
      return {
        ...link,
        joinRun: (run, joined) =>
          link.joinRun(run, {
            ...joined,
            task: (task, delivery) => {
              onTask(task, delivery);
              return joined.task(task, delivery);
            },
          }),
      };
    },
  };
}
