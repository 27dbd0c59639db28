import { EventEmitter } from 'node:events';
import { type BrokerMessage, ChannelError, type Consumer, type QueueOptions } from './broker.js';
import type { SimConnection } from './network.js';

interface Received {
  content: Buffer;
  fields: { deliveryTag: number; redelivered: boolean; consumerTag: string };
  properties: BrokerMessage['properties'];
}

interface PublishOptions {
  messageId?: string;
  type?: string;
  persistent?: boolean;
  mandatory?: boolean;
  headers?: Record<string, unknown>;
}

/** A persistent message is confirmed when it is on the broker's disk. */
const syncMs = 10;

/** A channel as amqplib's `Channel` and `ConfirmChannel` have it, as far as src/transport uses them. */
export class SimChannel extends EventEmitter {
  readonly #link: SimConnection;
  #clientOpen = true;
  #serverOpen = true;
  #prefetch = Number.POSITIVE_INFINITY;
  #tags = 0;
  #consumerTags = 0;
  readonly #consumers = new Map<string, Consumer>();
  /** Delivery tag → who consumed it, and whether its bytes were damaged. */
  readonly #deliveries = new Map<number, { consumer: Consumer; message: BrokerMessage; damaged: boolean }>();
  readonly #pending = new Set<(error: Error) => void>();
  readonly #unconfirmed = new Set<(error: Error | null) => void>();

  constructor(link: SimConnection) {
    super();
    this.#link = link;
    link.channels.add(this);
  }

  /** A request to the broker and its answer. A refusal closes the channel. */
  async rpc<T>(ask: () => T): Promise<T> {
    this.#expectOpen();
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      this.#link.toServer(() => {
        if (!this.#serverOpen) return;
        const answer = this.#attempt(ask, reject);
        if (answer === null) return;
        this.#toClient(() => {
          this.#pending.delete(reject);
          resolve(answer.value);
        });
      });
    });
  }

  prefetch(count: number): Promise<void> {
    return this.rpc(() => {
      this.#prefetch = count;
    });
  }

  assertExchange(name: string): Promise<void> {
    return this.rpc(() => this.#broker.assertExchange(name));
  }

  checkExchange(name: string): Promise<void> {
    return this.rpc(() => this.#broker.checkExchange(name));
  }

  assertQueue(name: string, options: QueueOptions): Promise<void> {
    return this.rpc(() => this.#broker.assertQueue(this.#link, name, options));
  }

  checkQueue(name: string): Promise<void> {
    return this.rpc(() => this.#broker.checkQueue(this.#link, name));
  }

  bindQueue(queue: string, exchange: string, key: string): Promise<void> {
    return this.rpc(() => this.#broker.bind(this.#link, queue, exchange, key));
  }

  unbindQueue(queue: string, exchange: string, key: string): Promise<void> {
    return this.rpc(() => this.#broker.unbind(queue, exchange, key));
  }

  purgeQueue(name: string): Promise<void> {
    return this.rpc(() => this.#broker.purge(name));
  }

  deleteQueue(name: string): Promise<void> {
    return this.rpc(() => this.#broker.deleteQueue(this.#link, name));
  }

  deleteExchange(name: string): Promise<void> {
    return this.rpc(() => this.#broker.deleteExchange(name));
  }

  consume(queue: string, handle: (message: Received | null) => void): Promise<{ consumerTag: string }> {
    const consumerTag = `c${this.#consumerTags++}`;
    return this.rpc(() => {
      const consumer: Consumer = {
        owner: this.#link,
        queue,
        prefetch: this.#prefetch,
        unacked: new Map(),
        nextTag: () => ++this.#tags,
        deliver: ({ tag, message, redelivered }) => {
          const damaged = this.#link.network.damage(message, this.#link.process.name);
          this.#deliveries.set(tag, { consumer, message, damaged: damaged !== null });
          const fields = { deliveryTag: tag, redelivered, consumerTag };
          const received = { content: damaged ?? message.content, fields, properties: message.properties };
          this.#toClient(() => handle(received));
        },
        cancelled: () => this.#toClient(() => handle(null)),
      };
      this.#consumers.set(consumerTag, consumer);
      // After the answer, which has to come first.
      this.#link.network.clock.after(0, () => {
        if (this.#serverOpen && this.#broker.queues.has(queue))
          this.#attempt(() => this.#broker.consume(consumer));
      });
      return { consumerTag };
    });
  }

  cancel(consumerTag: string): Promise<void> {
    return this.rpc(() => {
      const consumer = this.#consumers.get(consumerTag);
      if (consumer !== undefined) this.#broker.cancel(consumer);
    });
  }

  ack(message: Received): void {
    this.#settle(message, false, true);
  }

  nack(message: Received, _allUpTo: boolean, requeue: boolean): void {
    this.#settle(message, requeue, false);
  }

  publish(
    exchange: string,
    key: string,
    content: Buffer,
    options: PublishOptions,
    onConfirm: (error: Error | null) => void,
  ): boolean {
    this.#expectOpen();
    this.#unconfirmed.add(onConfirm);
    const { messageId, type, headers, persistent, mandatory } = options;
    const properties = {
      ...(messageId === undefined ? {} : { messageId }),
      ...(type === undefined ? {} : { type }),
      ...(headers === undefined ? {} : { headers }),
    };
    const bytes = Buffer.from(content);
    const take = (): void => {
      const message = { content: bytes, properties, persistent: persistent === true, synced: false };
      const answer = this.#attempt(() => this.#broker.publish(exchange, key, message));
      if (answer === null) return;
      const confirm = (): void => {
        if (!this.#serverOpen) return;
        message.synced = true;
        this.#toClient(() => {
          this.#unconfirmed.delete(onConfirm);
          onConfirm(null);
        });
      };
      if (!answer.value && mandatory === true) this.#toClient(() => void this.emit('return', { properties }));
      if (answer.value && message.persistent) this.#link.network.clock.after(syncMs, confirm);
      else confirm();
    };
    this.#link.toServer(() =>
      this.#link.takePublish(() => {
        if (this.#serverOpen) take();
      }),
    );
    return true;
  }

  unacked(type: string): BrokerMessage[] {
    const messages = [...this.#deliveries.values()].map(({ message }) => message);
    return messages.filter(({ properties }) => properties.type === type);
  }

  /** As with amqplib, never settles if the connection is lost before the broker's answer. */
  async close(): Promise<void> {
    this.#expectOpen();
    return new Promise((resolve) => {
      this.#link.toServer(() => {
        this.loseServer();
        this.#toClient(() => {
          this.loseClient();
          resolve();
        });
      });
    });
  }

  loseServer(): void {
    if (!this.#serverOpen) return;
    this.#serverOpen = false;
    for (const consumer of this.#consumers.values()) this.#broker.abandon(consumer);
  }

  loseClient(): void {
    if (!this.#clientOpen) return;
    this.#clientOpen = false;
    if (!this.#serverOpen) this.#link.channels.delete(this);
    for (const reject of this.#pending) reject(new Error('Channel ended, no reply will be forthcoming'));
    for (const onConfirm of this.#unconfirmed) onConfirm(new Error('channel closed'));
    this.emit('close');
  }

  get #broker() {
    return this.#link.network.broker;
  }

  #expectOpen(): void {
    if (!this.#clientOpen || !this.#link.isOpen) throw new Error('IllegalOperationError: Channel closed');
  }

  /** Null if the broker refused and closes the channel. */
  #attempt<T>(ask: () => T, reject?: (error: Error) => void): { value: T } | null {
    try {
      return { value: ask() };
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      this.#toClient(() => {
        reject?.(error);
        this.emit('error', error);
        this.loseClient();
      });
      this.loseServer();
      return null;
    }
  }

  #toClient(run: () => void): void {
    this.#link.toClient(() => {
      if (this.#clientOpen) run();
    });
  }

  #settle(message: Received, requeue: boolean, isAck: boolean): void {
    this.#expectOpen();
    const tag = message.fields.deliveryTag;
    this.#link.toServer(() => {
      const delivery = this.#deliveries.get(tag);
      if (!this.#serverOpen || delivery === undefined) return;
      this.#deliveries.delete(tag);
      const { network, process } = this.#link;
      if (isAck) network.onAcked(delivery.consumer.queue, delivery.message, process, delivery.damaged);
      this.#broker.settle(delivery.consumer, tag, requeue);
    });
  }
}
