/**
 * Every exchange and queue name, in one place. `docs/protocol.md` draws who binds and consumes what.
 */

/** Run and worker names are parts of queue names, which AMQP limits to 255 bytes. */
const identifier = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export function isIdentifier(name: string): boolean {
  return identifier.test(name);
}

/** Topic exchange of the vhost, durable, never deleted: where coordinators call the workers that wait for a run. */
export const lobbyExchange = 'onko.lobby';

/**
 * Topic exchange of the vhost, durable, never deleted: from workers to coordinators, to all or to that of a run. Workers write to
 * it and bind nothing, so that they need neither the default exchange, which reaches every queue, nor a way to listen to others.
 */
export const coordinatorsExchange = 'onko.coordinators';

/** Routing keys that are of no run: `announce` and `status` of the lobby, `hello` of the coordinators' exchange. */
export const sharedKeys = { announce: 'announce', status: 'status', hello: 'hello' } as const;

/** Exclusive queue of one worker. */
export function workerInbox(worker: string): string {
  return `onko.worker.${worker}`;
}

/** Exclusive queue of somebody who asks how runs are. */
export function observerInbox(observer: string): string {
  return `onko.observer.${observer}`;
}

/** Exclusive queue of one reducer: what coordinators tell it and the segments of its range, in one order. */
export function reducerInbox(reducer: string): string {
  return `onko.reducer.${reducer}`;
}

export interface RunTopology {
  /** Exclusive queue of the coordinator, and by that the lock of the run. */
  coordinatorInbox: string;
  /** Durable queue, consumed by all workers. */
  tasks: string;
  /** Durable queue, consumed by the coordinator. */
  results: string;
  /** Routing keys of the coordinators' exchange. */
  inboxKey: string;
  resultsKey: string;
  /** Of the segments of one range. */
  segmentsKey(range: number): string;
  /** Durable queue of quarantined tasks, consumed by nobody. */
  dead: string;
  /** Durable fanout exchange to the weights queues. */
  weightsExchange: string;
  /** Durable fanout exchange to the inboxes of the workers that have joined. */
  broadcastExchange: string;
  /** Exclusive queue of one worker: the newest weights. Named so that a prefix tells what is the worker’s. */
  weightsQueue(worker: string): string;
}

export function runTopology(run: string): RunTopology {
  const prefix = `onko.run.${run}`;
  return {
    coordinatorInbox: `${prefix}.coordinator`,
    tasks: `${prefix}.tasks`,
    results: `${prefix}.results`,
    inboxKey: `${run}.inbox`,
    resultsKey: `${run}.results`,
    segmentsKey: (range) => `${run}.segments.${range}`,
    dead: `${prefix}.dead`,
    weightsExchange: `${prefix}.weights`,
    broadcastExchange: `${prefix}.broadcast`,
    weightsQueue: (worker) => `onko.weights.${run}.${worker}`,
  };
}
