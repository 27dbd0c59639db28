import type { Random } from '../../src/engine/index.js';

/** A reply code of AMQP that closes the channel. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface BrokerMessage {
  content: Buffer;
  properties: { messageId?: string; type?: string; headers?: Record<string, unknown> };
  persistent: boolean;
  /** On the broker's disk, and so told to the publisher. */
  synced: boolean;
}

interface Entry {
  message: BrokerMessage;
  /** Place in the queue, which a message keeps when it comes back. */
  order: number;
  redelivered: boolean;
}

export interface Delivery {
  tag: number;
  message: BrokerMessage;
  redelivered: boolean;
}

export interface Consumer {
  /** The connection that it belongs to. */
  owner: object;
  queue: string;
  prefetch: number;
  unacked: Map<number, Entry>;
  nextTag: () => number;
  deliver: (delivery: Delivery) => void;
  /** The queue was deleted. */
  cancelled: () => void;
}

interface Queue {
  name: string;
  durable: boolean;
  exclusiveTo: object | null;
  autoDelete: boolean;
  maxLength: number;
  ready: Entry[];
  consumers: Consumer[];
}

export interface QueueOptions {
  durable?: boolean;
  exclusive?: boolean;
  autoDelete?: boolean;
  maxLength?: number;
}

/** How often a queue does what brokers may do but seldom do. */
export interface Oddities {
  duplicate: number;
  reorder: number;
}

/** The queues of RabbitMQ, as far as we rely on them: a machine without a network. */
export class SimBroker {
  readonly queues = new Map<string, Queue>();
  readonly exchanges = new Map<string, Set<string>>();
  oddities: Oddities = { duplicate: 0, reorder: 0 };
  /** Told of every message that a queue takes. */
  onEnqueued: (message: BrokerMessage) => void = () => undefined;
  readonly #random: Random;
  #order = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  assertExchange(name: string): void {
    if (!this.exchanges.has(name)) this.exchanges.set(name, new Set());
  }

  assertQueue(owner: object, name: string, options: QueueOptions): void {
    const queue = this.queues.get(name);
    if (queue !== undefined) {
      this.#checkLock(owner, queue);
      return;
    }
    this.queues.set(name, {
      name,
      durable: options.durable === true,
      exclusiveTo: options.exclusive === true ? owner : null,
      autoDelete: options.autoDelete === true,
      maxLength: options.maxLength ?? Number.POSITIVE_INFINITY,
      ready: [],
      consumers: [],
    });
  }

  checkExchange(name: string): void {
    this.#exchange(name);
  }

  checkQueue(owner: object, name: string): void {
    this.#checkLock(owner, this.#queue(name));
  }

  bind(owner: object, queue: string, exchange: string, key: string): void {
    this.#checkLock(owner, this.#queue(queue));
    this.#exchange(exchange).add(`${key}\n${queue}`);
  }

  /** Unbinding what is not bound is no error. */
  unbind(queue: string, exchange: string, key: string): void {
    this.exchanges.get(exchange)?.delete(`${key}\n${queue}`);
  }

  purge(name: string): void {
    this.#queue(name).ready.length = 0;
  }

  /** Deleting what is not there is no error. */
  deleteQueue(owner: object, name: string): void {
    const queue = this.queues.get(name);
    if (queue === undefined) return;
    this.#checkLock(owner, queue);
    this.#drop(queue);
  }

  deleteExchange(name: string): void {
    this.exchanges.delete(name);
  }

  /** False if no queue took it. Throws ChannelError if there is no such exchange. */
  publish(exchange: string, key: string, message: BrokerMessage): boolean {
    const names =
      exchange === ''
        ? [key]
        : [...this.#exchange(exchange)].flatMap((binding) => {
            const [bound, queue] = binding.split('\n');
            return bound === key ? [queue] : [];
          });
    let taken = false;
    for (const name of names) {
      const queue = this.queues.get(name);
      if (queue === undefined) continue;
      taken = true;
      this.#enqueue(queue, message);
      if (this.#chance(this.oddities.duplicate) && queue.maxLength > 1) this.#enqueue(queue, message);
    }
    return taken;
  }

  consume(consumer: Consumer): void {
    const queue = this.#queue(consumer.queue);
    this.#checkLock(consumer.owner, queue);
    queue.consumers.push(consumer);
    this.#dispatch(queue);
  }

  /** Takes nothing new; what is unacked stays unacked. */
  cancel(consumer: Consumer): void {
    const queue = this.queues.get(consumer.queue);
    if (queue === undefined || !queue.consumers.includes(consumer)) return;
    queue.consumers = queue.consumers.filter((other) => other !== consumer);
    if (queue.autoDelete && queue.consumers.length === 0) this.#drop(queue);
  }

  settle(consumer: Consumer, tag: number, requeue: boolean): void {
    const entry = consumer.unacked.get(tag);
    if (entry === undefined) return;
    consumer.unacked.delete(tag);
    const queue = this.queues.get(consumer.queue);
    if (queue === undefined) return;
    if (requeue) this.#putBack(queue, entry);
    this.#dispatch(queue);
  }

  /** The consumer's channel is gone: what it had goes back to where it was. */
  abandon(consumer: Consumer): void {
    const queue = this.queues.get(consumer.queue);
    const entries = [...consumer.unacked.values()];
    consumer.unacked.clear();
    this.cancel(consumer);
    if (queue === undefined || this.queues.get(queue.name) !== queue) return;
    for (const entry of entries) this.#putBack(queue, entry);
    this.#dispatch(queue);
  }

  /** Its exclusive queues go with a connection. */
  closeOwner(owner: object): void {
    for (const queue of this.queues.values()) if (queue.exclusiveTo === owner) this.#drop(queue);
  }

  /** What is durable and was on disk stays; of what was on its way there, chance decides. */
  restart(): void {
    for (const queue of this.queues.values()) {
      const unacked = queue.consumers.flatMap((consumer) => [...consumer.unacked.values()]);
      for (const consumer of queue.consumers.splice(0)) consumer.unacked.clear();
      if (!queue.durable) {
        this.#drop(queue);
        continue;
      }
      const entries = [...queue.ready, ...unacked.map((entry) => ({ ...entry, redelivered: true }))];
      queue.ready = entries
        .filter(({ message }) => message.persistent && (message.synced || this.#chance(0.5)))
        .toSorted((a, b) => a.order - b.order);
    }
  }

  #queue(name: string): Queue {
    const queue = this.queues.get(name);
    if (queue === undefined) throw new ChannelError(404, `NOT_FOUND - no queue '${name}'`);
    return queue;
  }

  #exchange(name: string): Set<string> {
    const bindings = this.exchanges.get(name);
    if (bindings === undefined) throw new ChannelError(404, `NOT_FOUND - no exchange '${name}'`);
    return bindings;
  }

  #checkLock(owner: object, queue: Queue): void {
    if (queue.exclusiveTo === null || queue.exclusiveTo === owner) return;
    throw new ChannelError(405, `RESOURCE_LOCKED - cannot obtain exclusive access to queue '${queue.name}'`);
  }

  #drop(queue: Queue): void {
    this.queues.delete(queue.name);
    for (const bindings of this.exchanges.values()) {
      for (const binding of bindings) if (binding.endsWith(`\n${queue.name}`)) bindings.delete(binding);
    }
    for (const consumer of queue.consumers.splice(0)) {
      consumer.unacked.clear();
      consumer.cancelled();
    }
  }

  #enqueue(queue: Queue, message: BrokerMessage): void {
    this.onEnqueued(message);
    while (queue.ready.length >= queue.maxLength) queue.ready.shift();
    queue.ready.push({ message, order: this.#order++, redelivered: false });
    if (queue.ready.length > 1 && this.#chance(this.oddities.reorder)) {
      const [last, before] = [queue.ready.length - 1, queue.ready.length - 2];
      [queue.ready[last], queue.ready[before]] = [queue.ready[before], queue.ready[last]];
    }
    this.#dispatch(queue);
  }

  #putBack(queue: Queue, entry: Entry): void {
    entry.redelivered = true;
    const later = queue.ready.findIndex((other) => other.order > entry.order);
    queue.ready.splice(later < 0 ? queue.ready.length : later, 0, entry);
    while (queue.ready.length > queue.maxLength) queue.ready.shift();
  }

  /** To the consumers in turn, as many as each may have. */
  #dispatch(queue: Queue): void {
    while (queue.ready.length > 0) {
      const at = queue.consumers.findIndex((one) => one.unacked.size < one.prefetch);
      if (at < 0) return;
      const [consumer] = queue.consumers.splice(at, 1);
      queue.consumers.push(consumer);
      const entry = queue.ready.shift();
      if (entry === undefined) return;
      const tag = consumer.nextTag();
      consumer.unacked.set(tag, entry);
      consumer.deliver({ tag, message: entry.message, redelivered: entry.redelivered });
    }
  }

  #chance(share: number): boolean {
    return share > 0 && this.#random.float() < share;
  }
}
