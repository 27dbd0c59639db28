import { afterEach, beforeEach, expect, vi } from 'vitest';
import type { Task, ToCoordinator, ToWorker } from '../../src/protocol/index.js';
import type {
  CoordinatorLink,
  ReducerLink,
  Transport,
  Verdict,
  WorkerLink,
} from '../../src/transport/index.js';

/** A broker for one test. */
export interface ConformanceBroker {
  /** One more party at this broker. */
  connect(): Promise<Transport>;
  /** A party that can be killed: no goodbye, no closing handshake, no coming back. */
  connectVictim(): Promise<{ transport: Transport; kill: () => Promise<void> }>;
  /** What is left of a run on the broker: names of queues and exchanges. */
  leftovers(run: string, workers: string[]): Promise<string[]>;
  dispose(): Promise<void>;
}

/** Resolves when the condition holds; fails with the condition's last error. */
export function eventually(condition: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(condition, { timeout: 20_000, interval: 10 });
}

export interface Held {
  task: Task;
  redelivered: boolean;
  answer: (verdict: Verdict) => void;
}

/** A worker that keeps every task until the test answers it. */
export async function joinHolding(link: WorkerLink, run: string, prefetch: number): Promise<Held[]> {
  const held: Held[] = [];
  await link.joinRun(run, {
    prefetch,
    task: (one, { redelivered }) =>
      new Promise<Verdict>((answer) => held.push({ task: one, redelivered, answer })),
    weights: () => undefined,
  });
  return held;
}

/** A worker that acks every task at once. */
export async function joinTaking(link: WorkerLink, run: string): Promise<number[]> {
  const taken: number[] = [];
  await link.joinRun(run, {
    prefetch: 1,
    task: async (one) => {
      taken.push(one.step);
      return 'ack';
    },
    weights: () => undefined,
  });
  return taken;
}

/** Everything a coordinator receives, acked. */
export async function collect(link: CoordinatorLink): Promise<ToCoordinator[]> {
  const messages: ToCoordinator[] = [];
  await link.receive((message) => {
    messages.push(message);
    return 'ack';
  });
  return messages;
}

export async function collectInbox(link: WorkerLink): Promise<ToWorker[]> {
  const messages: ToWorker[] = [];
  await link.receive((message) => void messages.push(message));
  return messages;
}

/** Something to wait for that a test opens. */
export function gate(): { opened: Promise<void>; open: () => void } {
  const resolvers: (() => void)[] = [];
  const opened = new Promise<void>((resolve) => resolvers.push(resolve));
  return { opened, open: () => resolvers[0]?.() };
}

/** The run of most tests. */
export const run = 'r1';

/** A fresh broker for every test, and parties that are cleaned up after it. */
export interface Stage {
  broker(): ConformanceBroker;
  coordinator(of?: string): Promise<CoordinatorLink>;
  worker(id: string): Promise<WorkerLink>;
  reducer(id: string): Promise<ReducerLink>;
}

export function setStage(start: () => Promise<ConformanceBroker>): Stage {
  let broker: ConformanceBroker | null = null;
  let transports: Transport[] = [];
  let malformed: string[] = [];

  beforeEach(async () => {
    broker = await start();
    transports = [];
    malformed = [];
  });

  afterEach(async () => {
    for (const transport of transports) await transport.close();
    await broker?.dispose();
    expect(malformed).toEqual([]);
  });

  const current = (): ConformanceBroker => {
    if (broker === null) throw new Error('There is a broker within tests only.');
    return broker;
  };

  const connect = async (): Promise<Transport> => {
    const transport = await current().connect();
    transports.push(transport);
    return transport;
  };

  return {
    broker: current,
    coordinator: async (of = run) => {
      const link = await (await connect()).openCoordinator({ run: of, fence: 1 });
      link.onMalformed((reason) => malformed.push(reason));
      return link;
    },
    worker: async (id) => {
      const link = await (await connect()).openWorker({ worker: id });
      link.onMalformed((reason) => malformed.push(reason));
      return link;
    },
    reducer: async (id) => {
      const link = await (await connect()).openReducer({ reducer: id });
      link.onMalformed((reason) => malformed.push(reason));
      return link;
    },
  };
}
