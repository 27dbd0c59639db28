import type { Channel, ChannelModel, Options } from 'amqplib';
import {
  coordinatorsExchange,
  lobbyExchange,
  type RunTopology,
  reducerInbox,
  sharedKeys,
  workerInbox,
} from '../../protocol/index.js';
import { isNotFound } from './connect-errors.js';

/** Said outright: a virtual host may have another default type. */
const classic = { 'x-queue-type': 'classic' };
/** Survives a restart of the broker, with its persistent messages. */
const durable: Options.AssertQueue = { durable: true, arguments: classic };
/** Belongs to one connection and goes with it. */
const exclusive: Options.AssertQueue = { exclusive: true, durable: false, arguments: classic };

/** On a channel of its own, since what the broker refuses closes the channel. false if it says that something is not there. */
async function onOwnChannel(
  connection: ChannelModel,
  use: (channel: Channel) => Promise<unknown>,
): Promise<boolean> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  try {
    await use(channel);
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
  // Not waited for: if the connection is lost before the broker's answer, amqplib never settles this promise.
  channel.close().catch(() => undefined);
  return true;
}

/**
 * What all runs share. Looked for before it is declared: an account with only the rights that it needs may not declare it, and
 * finds it there.
 */
export async function declareShared(connection: ChannelModel): Promise<void> {
  for (const exchange of [lobbyExchange, coordinatorsExchange]) {
    const there = await onOwnChannel(connection, (channel) => channel.checkExchange(exchange));
    if (there) continue;
    await onOwnChannel(connection, (channel) => channel.assertExchange(exchange, 'topic', { durable: true }));
  }
}

/** The coordinator's part. Its inbox comes first: RESOURCE_LOCKED (405) if there is another coordinator. */
export async function declareRun(
  connection: ChannelModel,
  channel: Channel,
  names: RunTopology,
): Promise<void> {
  await channel.assertQueue(names.coordinatorInbox, exclusive);
  await channel.assertQueue(names.tasks, durable);
  await channel.assertQueue(names.results, durable);
  await channel.assertQueue(names.dead, durable);
  await channel.assertExchange(names.weightsExchange, 'fanout', { durable: true });
  await channel.assertExchange(names.broadcastExchange, 'fanout', { durable: true });
  await declareShared(connection);
  await channel.bindQueue(names.coordinatorInbox, coordinatorsExchange, names.inboxKey);
  await channel.bindQueue(names.results, coordinatorsExchange, names.resultsKey);
  await channel.bindQueue(names.coordinatorInbox, coordinatorsExchange, sharedKeys.hello);
  await channel.bindQueue(names.coordinatorInbox, lobbyExchange, sharedKeys.status);
}

export async function deleteRun(channel: Channel, names: RunTopology): Promise<void> {
  await channel.deleteExchange(names.weightsExchange);
  await channel.deleteExchange(names.broadcastExchange);
  for (const queue of [names.results, names.dead, names.coordinatorInbox]) await channel.deleteQueue(queue);
  // Last: this is what workers notice.
  await channel.deleteQueue(names.tasks);
}

/** The worker's part. RESOURCE_LOCKED (405) if there is another worker of this name. */
export async function declareWorker(
  connection: ChannelModel,
  channel: Channel,
  worker: string,
): Promise<void> {
  await channel.assertQueue(workerInbox(worker), exclusive);
  await declareShared(connection);
  await channel.bindQueue(workerInbox(worker), lobbyExchange, sharedKeys.announce);
}

/** The reducer's part. RESOURCE_LOCKED (405) if there is another reducer of this name. */
export async function declareReducer(
  connection: ChannelModel,
  channel: Channel,
  reducer: string,
): Promise<void> {
  await channel.assertQueue(reducerInbox(reducer), exclusive);
  await declareShared(connection);
  await channel.bindQueue(reducerInbox(reducer), lobbyExchange, sharedKeys.announce);
}

/** Binds a reducer to a range of a run. false if the run is not there. */
export async function joinRange(
  connection: ChannelModel,
  names: RunTopology,
  reducer: string,
  range: number,
): Promise<boolean> {
  return onOwnChannel(connection, async (channel) => {
    await channel.bindQueue(reducerInbox(reducer), names.broadcastExchange, '');
    await channel.bindQueue(reducerInbox(reducer), coordinatorsExchange, names.segmentsKey(range));
  });
}

/** Undoes `joinRange`, as far as the run is still there. */
export async function leaveRange(
  channel: Channel,
  names: RunTopology,
  reducer: string,
  range: number,
): Promise<void> {
  await channel.unbindQueue(reducerInbox(reducer), coordinatorsExchange, names.segmentsKey(range));
  await channel.unbindQueue(reducerInbox(reducer), names.broadcastExchange, '');
}

/**
 * Binds a worker to a run; `weightsMessages` is how many messages the sets of weights take that it may need. false if the run is not
 * there.
 */
export async function joinRun(
  connection: ChannelModel,
  names: RunTopology,
  worker: string,
  weightsMessages: number,
): Promise<boolean> {
  return onOwnChannel(connection, async (channel) => {
    await channel.checkQueue(names.tasks);
    await channel.assertQueue(names.weightsQueue(worker), {
      ...exclusive,
      autoDelete: true,
      maxLength: weightsMessages,
      overflow: 'drop-head',
    });
    await channel.bindQueue(names.weightsQueue(worker), names.weightsExchange, '');
    await channel.bindQueue(workerInbox(worker), names.broadcastExchange, '');
  });
}

/** Undoes `joinRun`, as far as the run is still there: unbinding and deleting what is gone is no error. */
export async function leaveRun(channel: Channel, names: RunTopology, worker: string): Promise<void> {
  await channel.unbindQueue(workerInbox(worker), names.broadcastExchange, '');
  await channel.deleteQueue(names.weightsQueue(worker));
}
