/**
 * Every exchange and queue name, in one place. `docs/protocol.md` draws who binds and consumes what.
 */

/** Run and worker names are parts of queue names, which AMQP limits to 255 bytes. */
const identifier = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export function isIdentifier(name: string): boolean {
  return identifier.test(name);
}

/** Topic exchange of the vhost, durable, never deleted: where workers and coordinators find one another. */
export const lobbyExchange = 'onko.lobby';
/** Routing keys of the lobby. */
export const lobbyKeys = { hello: 'hello', announce: 'announce', status: 'status' } as const;

/** Exclusive queue of one worker. */
export function workerInbox(worker: string): string {
  return `onko.worker.${worker}`;
}

/** Exclusive queue of somebody who asks how runs are. */
export function observerInbox(observer: string): string {
  return `onko.observer.${observer}`;
}

export interface RunTopology {
  /** Exclusive queue of the coordinator, and by that the lock of the run. */
  coordinatorInbox: string;
  /** Durable queue, consumed by all workers. */
  tasks: string;
  /** Durable queue, consumed by the coordinator. */
  results: string;
  /** Durable queue of quarantined tasks, consumed by nobody. */
  dead: string;
  /** Durable fanout exchange to the weights queues. */
  weightsExchange: string;
  /** Durable fanout exchange to the inboxes of the workers that have joined. */
  broadcastExchange: string;
  /** Exclusive queue of one worker: the newest weights. */
  weightsQueue(worker: string): string;
}

export function runTopology(run: string): RunTopology {
  const prefix = `onko.run.${run}`;
  return {
    coordinatorInbox: `${prefix}.coordinator`,
    tasks: `${prefix}.tasks`,
    results: `${prefix}.results`,
    dead: `${prefix}.dead`,
    weightsExchange: `${prefix}.weights`,
    broadcastExchange: `${prefix}.broadcast`,
    weightsQueue: (worker) => `${prefix}.weights.${worker}`,
  };
}
