import type { Channel, ChannelModel, ConfirmChannel, Options } from 'amqplib';
import {
  coordinatorsExchange,
  lobbyExchange,
  reducerInbox,
  runTopology,
  workerInbox,
} from '../../src/protocol/index.js';

/** What the broker answers: 200, or the code it closes the channel with. */
export async function codeOf(
  connection: ChannelModel,
  attempt: (channel: ConfirmChannel) => Promise<unknown>,
): Promise<number> {
  const channel = await connection.createConfirmChannel();
  let code = 200;
  channel.on('error', (error: Error & { code?: number }) => {
    code = error.code ?? 0;
  });
  const closed = new Promise<void>((resolve) => channel.once('close', () => resolve()));
  try {
    await Promise.race([attempt(channel), closed]);
    if (code === 200) await channel.close();
  } catch {
    await closed;
  }
  return code;
}

export function publishing(exchange: string, key: string) {
  return async (channel: ConfirmChannel): Promise<void> => {
    channel.publish(exchange, key, Buffer.from('x'));
    await channel.waitForConfirms();
  };
}

export const names = runTopology('r1');
export const exclusive: Options.AssertQueue = { exclusive: true, durable: false };

/** With a queue of its own at hand. */
export function binding(own: string, exchange: string, key: string) {
  return async (channel: Channel): Promise<void> => {
    await channel.assertQueue(own, exclusive);
    await channel.bindQueue(own, exchange, key);
  };
}

export type Attempt = [what: string, attempt: (channel: ConfirmChannel) => Promise<unknown>];

const publishes: Attempt[] = [
  ...[
    names.tasks,
    names.results,
    names.dead,
    names.coordinatorInbox,
    names.weightsQueue('w1'),
    workerInbox('w1'),
    'anything',
  ].map((queue): Attempt => [`send to ${queue} through the default exchange`, publishing('', queue)]),
  ...['amq.direct', 'amq.topic', 'amq.fanout', 'amq.headers', 'amq.match'].map(
    (exchange): Attempt => [`publish to ${exchange}`, publishing(exchange, 'x')],
  ),
  ['publish weights', publishing(names.weightsExchange, '')],
  ['publish to all members of a run', publishing(names.broadcastExchange, '')],
  ['announce a run', publishing(lobbyExchange, 'announce')],
  ['ask as an observer', publishing(lobbyExchange, 'status')],
];

const reading = (queue: string): Attempt[] => [
  [`consume ${queue}`, (channel) => channel.consume(queue, () => undefined)],
  [`get from ${queue}`, (channel) => channel.get(queue)],
  [`purge ${queue}`, (channel) => channel.purgeQueue(queue)],
];

const readingsOf = (own: string): Attempt[] => [
  ...[names.results, names.dead, names.coordinatorInbox].flatMap(reading),
  ['listen to the results of others', binding(own, coordinatorsExchange, names.resultsKey)],
  ['listen to everything sent to coordinators', binding(own, coordinatorsExchange, '#')],
  ['listen to the hello of others', binding(own, coordinatorsExchange, 'hello')],
  ['listen to the firehose', binding(own, 'amq.rabbitmq.trace', '#')],
];

const declarationsOf = (own: string): Attempt[] => [
  ...[
    'mine',
    '',
    'onko.run.r1.extra',
    runTopology('r2').coordinatorInbox,
    'onko.workers',
    'xonko.worker.x',
  ].map(
    (queue): Attempt => [`declare the queue "${queue}"`, (channel) => channel.assertQueue(queue, exclusive)],
  ),
  ...['mine', runTopology('r2').weightsExchange, 'onko.lobby2'].map(
    (exchange): Attempt => [
      `declare the exchange "${exchange}"`,
      (channel) => channel.assertExchange(exchange, 'fanout'),
    ],
  ),
  [
    'reach any queue by dead letters',
    (channel) =>
      channel.assertQueue(`${own}-unbound`, {
        ...exclusive,
        deadLetterExchange: '',
        deadLetterRoutingKey: workerInbox('w1'),
      }),
  ],
  [
    'reach an exchange by dead letters',
    (channel) =>
      channel.assertQueue(`${own}-unbound`, { ...exclusive, deadLetterExchange: names.weightsExchange }),
  ],
  [
    'reach an exchange as an alternate one',
    (channel) =>
      channel.assertExchange(own, 'fanout', { autoDelete: true, alternateExchange: names.weightsExchange }),
  ],
  [
    'reach an exchange by a binding',
    async (channel) => {
      await channel.assertExchange(own, 'fanout', { autoDelete: true, durable: false });
      await channel.bindExchange(names.weightsExchange, own, '');
    },
  ],
  ['bind a queue of the run', (channel) => channel.bindQueue(names.results, names.weightsExchange, '')],
  [
    'unbind the results',
    (channel) => channel.unbindQueue(names.results, coordinatorsExchange, names.resultsKey),
  ],
];

const deletions: Attempt[] = [
  ...[names.tasks, names.results, names.dead, names.coordinatorInbox].map(
    (queue): Attempt => [`delete ${queue}`, (channel) => channel.deleteQueue(queue)],
  ),
  ...[names.weightsExchange, names.broadcastExchange, lobbyExchange, coordinatorsExchange].map(
    (exchange): Attempt => [`delete ${exchange}`, (channel) => channel.deleteExchange(exchange)],
  ),
];

const common = (own: string): Attempt[] => [
  ...publishes,
  ...readingsOf(own),
  ...declarationsOf(own),
  ...deletions,
];

/** Names that the accounts of workers and reducers may declare. */
export const ownQueue = { worker: workerInbox('mine'), reducer: reducerInbox('mine') } as const;

/** What a worker or a reducer that does not keep to the protocol may try against a run `r1` with a member `w1`. */
export const attempts: Readonly<Record<keyof typeof ownQueue, readonly Attempt[]>> = {
  worker: [
    ...common(ownQueue.worker),
    ['declare the queue of a reducer', (channel) => channel.assertQueue(ownQueue.reducer, exclusive)],
    ['listen to gradients', binding(ownQueue.worker, coordinatorsExchange, names.segmentsKey(0))],
  ],
  reducer: [
    ...common(ownQueue.reducer),
    ...[names.tasks, workerInbox('w1'), names.weightsQueue('w1')].flatMap(reading),
    ['listen to weights', binding(ownQueue.reducer, names.weightsExchange, '')],
    ['listen to all that is sent of a run', binding(ownQueue.reducer, coordinatorsExchange, 'r1.#')],
    ['send gradients as a worker', publishing(coordinatorsExchange, names.segmentsKey(0))],
    ...[ownQueue.worker, names.weightsQueue('mine')].map(
      (queue): Attempt => [`declare ${queue}`, (channel) => channel.assertQueue(queue, exclusive)],
    ),
  ],
};
