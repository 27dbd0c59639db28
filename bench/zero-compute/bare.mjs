// The least that a step can be over RabbitMQ with amqplib: a fanout of the weights, N gradients back, their sum. No protocol, no
// confirms, no acks, nothing checked. Started by ../zero-compute.mjs, one process for each part.
import { connect } from 'amqplib';
import { report, settings, stopwatch } from './part.mjs';

const { role, broker, name, workers, steps, valueBytes } = settings;
const weights = `onko-bench-${name}-weights`;
const gradients = `onko-bench-${name}-gradients`;

const connection = await connect(broker, { noDelay: true });
const channel = await connection.createChannel();
const nobodyElse = { exclusive: true, autoDelete: true, durable: false };

async function coordinate() {
  await channel.assertExchange(weights, 'fanout', { durable: false, autoDelete: true });
  await channel.assertQueue(gradients, nobodyElse);
  const parameters = Buffer.alloc(valueBytes);
  const sum = new Float32Array(valueBytes / 4);
  const watch = stopwatch(steps);
  let arrived = 0;
  const open = () => {
    sum.fill(0);
    channel.publish(weights, '', parameters);
  };
  let joined = 0;
  await channel.consume(
    gradients,
    ({ content }) => {
      if (content.length === 0) return ++joined === workers ? open() : undefined;
      const gradient = new Float32Array(content.buffer, content.byteOffset, content.length / 4);
      for (let i = 0; i < sum.length; i++) sum[i] += gradient[i];
      arrived += 1;
      if (arrived % workers !== 0) return undefined;
      return watch.step() ? open() : report(watch.result());
    },
    { noAck: true },
  );
  report({ ready: true });
}

async function work() {
  const { queue } = await channel.assertQueue('', nobodyElse);
  await channel.bindQueue(queue, weights, '');
  const gradient = Buffer.from(
    Float32Array.from({ length: valueBytes / 4 }, (_, i) => (i % 7) * 1e-4).buffer,
  );
  await channel.consume(queue, () => channel.sendToQueue(gradients, gradient), { noAck: true });
  channel.sendToQueue(gradients, Buffer.alloc(0));
}

await (role === 'coordinator' ? coordinate() : work());
