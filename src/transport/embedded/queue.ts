import type { Verdict } from '../transport.js';

interface Entry<T> {
  value: T;
  /** Place in the queue, which a message keeps when it comes back. */
  order: number;
  redelivered: boolean;
}

export interface Consumer {
  /** Takes nothing new; what is in hand ends with its verdict. */
  cancel(): void;
  /** Takes nothing new; what is in hand goes back, and its verdict no longer counts. */
  close(): void;
}

interface ActiveConsumer<T> {
  prefetch: number;
  active: boolean;
  inHand: Set<Entry<T>>;
  handle: (value: T, redelivered: boolean) => Promise<Verdict>;
  onDeleted: () => void;
}

export interface ConsumeOptions<T> {
  /** Messages in hand at a time. */
  prefetch: number;
  /** A rejected promise gives the message back. */
  handle: (value: T, redelivered: boolean) => Promise<Verdict>;
  /** The queue was deleted under the consumer. */
  onDeleted?: () => void;
}

/** A queue as a broker has them: competing consumers served in turn, prefetch, messages that go back to their place. */
export class MessageQueue<T> {
  readonly #ready: Entry<T>[] = [];
  readonly #consumers: ActiveConsumer<T>[] = [];
  readonly #maxLength: number;
  #nextOrder = 0;
  #scheduled = false;

  /** Beyond `maxLength` waiting messages the oldest is dropped. */
  constructor(maxLength = Number.POSITIVE_INFINITY) {
    this.#maxLength = maxLength;
  }

  push(value: T): void {
    if (this.#ready.length >= this.#maxLength) this.#ready.shift();
    this.#ready.push({ value, order: this.#nextOrder++, redelivered: false });
    this.#schedule();
  }

  /** Drops what waits; what is in hand stays there. */
  purge(): void {
    this.#ready.length = 0;
  }

  delete(): void {
    this.purge();
    for (const consumer of this.#consumers.splice(0)) {
      consumer.active = false;
      consumer.inHand.clear();
      consumer.onDeleted();
    }
  }

  consume(options: ConsumeOptions<T>): Consumer {
    const consumer: ActiveConsumer<T> = {
      prefetch: options.prefetch,
      handle: options.handle,
      onDeleted: options.onDeleted ?? (() => undefined),
      active: true,
      inHand: new Set(),
    };
    this.#consumers.push(consumer);
    this.#schedule();
    const cancel = (): void => {
      consumer.active = false;
      const at = this.#consumers.indexOf(consumer);
      if (at >= 0) this.#consumers.splice(at, 1);
    };
    const close = (): void => {
      cancel();
      const entries = [...consumer.inHand];
      consumer.inHand.clear();
      for (const entry of entries) this.#putBack(entry);
    };
    return { cancel, close };
  }

  /**
   * Deliveries never happen inside a send: the caller's state is settled before anybody answers. They do not wait for the event loop
   * either, in which a step's messages would take several turns.
   */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    for (;;) {
      const consumer = this.#consumers.find((one) => one.inHand.size < one.prefetch);
      if (consumer === undefined) return;
      const entry = this.#ready.shift();
      if (entry === undefined) return;
      // To the end of the row: the others are served first next time.
      this.#consumers.splice(this.#consumers.indexOf(consumer), 1);
      this.#consumers.push(consumer);
      consumer.inHand.add(entry);
      consumer.handle(entry.value, entry.redelivered).then(
        (verdict) => this.#settle(consumer, entry, verdict),
        () => this.#settle(consumer, entry, 'requeue'),
      );
    }
  }

  #settle(consumer: ActiveConsumer<T>, entry: Entry<T>, verdict: Verdict): void {
    // Not in hand any more: the consumer was closed and the message has gone back already.
    if (!consumer.inHand.delete(entry)) return;
    if (verdict === 'requeue') this.#putBack(entry);
    else this.#schedule();
  }

  #putBack(entry: Entry<T>): void {
    entry.redelivered = true;
    const later = this.#ready.findIndex((other) => other.order > entry.order);
    this.#ready.splice(later < 0 ? this.#ready.length : later, 0, entry);
    while (this.#ready.length > this.#maxLength) this.#ready.shift();
    this.#schedule();
  }
}
