import type { Channel, ChannelModel, ConfirmChannel, Options } from 'amqplib';
import { coordinatorsExchange, lobbyExchange, runTopology, workerInbox } from '../../src/protocol/index.js';

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
export const own = 'onko.worker.mine';
const unbound = 'onko.worker.unbound';
export const exclusive: Options.AssertQueue = { exclusive: true, durable: false };

/** With a queue of its own at hand. */
export function binding(exchange: string, key: string) {
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

const readings: Attempt[] = [
  ...[names.results, names.dead, names.coordinatorInbox].flatMap((queue): Attempt[] => [
    [`consume ${queue}`, (channel) => channel.consume(queue, () => undefined)],
    [`get from ${queue}`, (channel) => channel.get(queue)],
    [`purge ${queue}`, (channel) => channel.purgeQueue(queue)],
  ]),
  ['listen to the results of others', binding(coordinatorsExchange, names.resultsKey)],
  ['listen to everything sent to coordinators', binding(coordinatorsExchange, '#')],
  ['listen to the hello of others', binding(coordinatorsExchange, 'hello')],
  ['listen to the firehose', binding('amq.rabbitmq.trace', '#')],
];

const declarations: Attempt[] = [
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
      channel.assertQueue(unbound, {
        ...exclusive,
        deadLetterExchange: '',
        deadLetterRoutingKey: workerInbox('w1'),
      }),
  ],
  [
    'reach an exchange by dead letters',
    (channel) => channel.assertQueue(unbound, { ...exclusive, deadLetterExchange: names.weightsExchange }),
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

/** What a worker that does not keep to the protocol may try against a run `r1` with a member `w1`. */
export const attempts: readonly Attempt[] = [...publishes, ...readings, ...declarations, ...deletions];
