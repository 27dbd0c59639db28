import type { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { createRandom } from '../../src/engine/index.js';
import type { Task } from '../../src/protocol/index.js';
import {
  createRabbitTransport,
  type LinkState,
  type Transport,
  type Verdict,
} from '../../src/transport/index.js';
import { SimProcess, VirtualClock } from '../sim/clock.js';
import { type SimConnection, SimNetwork } from '../sim/network.js';
import { standsFor } from '../sim/stand-in.js';
import { task } from './samples.js';

/** Over the simulated network, where it can be said to the millisecond when a connection breaks. */
function open(
  network: SimNetwork,
  process: SimProcess,
  onConnected: (connection: SimConnection, count: number) => void = () => undefined,
): Promise<Transport> {
  let count = 0;
  const connecting = async (): Promise<SimConnection> => {
    const connection = await network.connect(process, 10_000);
    onConnected(connection, ++count);
    return connection;
  };
  standsFor<typeof connect>(connecting);
  return createRabbitTransport({
    url: 'amqp://broker',
    connect: connecting,
    timers: process.timers,
    now: () => network.clock.nowMs,
    random: () => 0.5,
  });
}

test('what comes in a session that breaks before it is up is nobody’s: its twin is', async () => {
  const clock = new VirtualClock();
  const network = new SimNetwork(clock, createRandom(1, 1));
  const [boss, hand] = [new SimProcess('coordinator', clock), new SimProcess('worker', clock)];
  let broken: SimConnection | null = null;
  const states: LinkState['type'][] = [];
  const taken: { task: Task; redelivered: boolean; afterState: string | undefined }[] = [];

  const play = async (): Promise<void> => {
    const coordinator = await (await open(network, boss)).openCoordinator({ run: 'r', fence: 1 });
    // After a first look and the first session come the connections of the second one: the one that publishes breaks while
    // the queues are being declared, which are declared and consumed all the same.
    const transport = await open(network, hand, (connection, count) => {
      if (count === 4) broken = connection;
      if (count === 5) clock.after(30, () => connection.cut(0, 1));
    });
    const worker = await transport.openWorker({ worker: 'w' });
    worker.onState(({ type }) => states.push(type));
    await worker.joinRun('r', {
      prefetch: 2,
      task: async (given, { redelivered }) => {
        taken.push({ task: given, redelivered, afterState: states.at(-1) });
        return new Promise<Verdict>(() => undefined);
      },
      weights: () => undefined,
    });
    await coordinator.publishTask(task('r'));
  };

  void play();
  await clock.run(() => taken.length === 1);
  for (const connection of network.of(hand)) connection.cut(0, 1);
  let deliveredToBroken = 0;
  await clock.run(() => {
    deliveredToBroken = Math.max(deliveredToBroken, broken?.unacked('task').length ?? 0);
    return clock.nowMs > 60_000;
  });
  expect(deliveredToBroken).toBe(1);
  expect(states).toEqual(['down', 'up']);
  expect(taken.map(({ redelivered, afterState }) => ({ redelivered, afterState }))).toEqual([
    { redelivered: false, afterState: undefined },
    { redelivered: true, afterState: 'up' },
  ]);
});
