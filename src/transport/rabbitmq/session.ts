import type { Channel, ChannelModel } from 'amqplib';
import { AccessRefusedError, BrokerError, LinkDownError } from '../errors.js';
import type { LinkEvents } from '../listeners.js';
import { pauseFor } from '../timers.js';
import type { BrokerAddress } from './address.js';
import { backoffMs } from './backoff.js';
import { accessRefused, isAccessRefused, isResourceLocked, shortReason } from './connect-errors.js';
import { closeConnection, openConnection } from './connection.js';
import type { ResolvedOptions } from './options.js';
import { createPublisher, type Publisher } from './publisher.js';

/**
 * One stretch of being connected: two connections, since a broker short of memory stops reading from those that
 * publish, and acks and heartbeats must still get through. Everything in it dies together.
 */
export interface Session {
  readonly consuming: ChannelModel;
  /** On the consuming connection: declarations, purges, deletions. */
  readonly control: Channel;
  readonly publisher: Publisher;
  /** Resolves when it has become the session, after `up` was told; never if it breaks before that. */
  readonly opened: Promise<void>;
  /** Ends this session and starts over; for a channel or queue that went without our doing. */
  fail(reason: string): void;
}

export interface ReconnectingOptions {
  address: BrokerAddress;
  options: ResolvedOptions;
  events: LinkEvents;
  /** Declares and consumes; called for every new session before anybody sees it. */
  setup: (session: Session) => Promise<void>;
  /** What it means when an exclusive queue of ours belongs to somebody else at the start. */
  onLocked: () => Error;
}

/** A killed predecessor's connection is gone within moments; a living one's is not. */
const lockedForMs = 2_000;
/**
 * After an outage our own old connection may hold our exclusive queues until the broker misses its heartbeats. If they
 * are held for longer than so many, somebody else has taken our place.
 */
const oldConnectionBeats = 4;

const nothing = (): void => undefined;

/**
 * Keeps a session: connecting → up ⇄ down (reconnecting with backoff) → closed or lost.
 *
 * Not amqplib's own recovery: that keeps one connection where we need two that live and die together, counts attempts
 * where we promise a time, and waits with sends where the caller should hear of it.
 */
export class ReconnectingSession {
  readonly #config: ReconnectingOptions;
  readonly #stopped = new AbortController();
  #current: Session | null = null;
  #closeCurrent: () => Promise<void> = async () => undefined;
  #openCurrent: () => void = nothing;
  /** Why sends are refused while there is no session. */
  #absence: Error = new LinkDownError('The link is not connected yet.');
  #reconnecting: Promise<void> = Promise.resolve();

  constructor(config: ReconnectingOptions) {
    this.#config = config;
  }

  /** Connects for the first time. BrokerError, or the error of `onLocked`. */
  async start(): Promise<void> {
    await persist(this.#config.options, this.#stopped.signal, this.#config.onLocked, () => this.#connect());
    this.#openCurrent();
  }

  /** The session, or LinkDownError while there is none, or the reason why there will never be one again. */
  get(): Session {
    if (this.#current === null) throw this.#absence;
    return this.#current;
  }

  /** The session, or null while there is none. */
  peek(): Session | null {
    return this.#current;
  }

  async close(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    this.#absence = new LinkDownError('The link is closed.');
    this.#current = null;
    await this.#closeCurrent();
    await this.#reconnecting;
  }

  async #connect(): Promise<void> {
    const { address, options, events, setup } = this.#config;
    const [consuming, publishing] = await openPair(address, options);
    let failure: string | null = null;
    let open = nothing;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const closeBoth = async (): Promise<void> => {
      await Promise.all([
        closeConnection(consuming, options.timers),
        closeConnection(publishing, options.timers),
      ]);
    };
    const fail = (reason: string, error?: unknown): void => {
      if (failure !== null) return;
      failure = reason;
      if (session === this.#current && session !== null) this.#goDown(reason, error);
    };
    let session: Session | null = null;
    for (const connection of [consuming, publishing]) {
      connection.on('close', (error) => fail(shortReason(error, address)));
    }
    publishing.on('blocked', (reason) => events.state.tell({ type: 'blocked', reason }));
    publishing.on('unblocked', () => events.state.tell({ type: 'unblocked' }));
    try {
      const publisher = await createPublisher(publishing, (error) =>
        fail('the publishing channel was closed', error),
      );
      const control = await consuming.createChannel();
      control.on('error', (error) => fail(shortReason(error, address), error));
      control.on('close', () => fail('the control channel was closed'));
      session = { consuming, control, publisher, opened, fail };
      await setup(session);
      if (this.#stopped.signal.aborted) throw new LinkDownError('The link is closed.');
      if (failure !== null)
        throw new BrokerError(`The connection to RabbitMQ at ${address.place} was lost: ${String(failure)}.`);
    } catch (error) {
      await closeBoth();
      if (error instanceof BrokerError || error instanceof LinkDownError || isResourceLocked(error))
        throw error;
      if (isAccessRefused(error)) throw accessRefused(error);
      throw new BrokerError(
        `RabbitMQ at ${address.place} did not let us declare our queues: ${shortReason(error, address)}.`,
        { cause: error },
      );
    }
    this.#current = session;
    this.#closeCurrent = closeBoth;
    this.#openCurrent = open;
  }

  #goDown(reason: string, error: unknown): void {
    this.#current = null;
    if (this.#stopped.signal.aborted) return;
    if (isAccessRefused(error)) {
      this.#reconnecting = this.#closeCurrent();
      this.#giveUp(accessRefused(error));
      return;
    }
    this.#absence = new LinkDownError(`The connection to RabbitMQ is lost: ${reason}.`);
    const closeOld = this.#closeCurrent;
    this.#reconnecting = closeOld().then(() => this.#reconnect());
    this.#config.events.state.tell({ type: 'down', reason });
  }

  #giveUp(error: Error): void {
    this.#absence = error;
    this.#config.events.state.tell({ type: 'lost', error });
  }

  async #reconnect(): Promise<void> {
    const { address, options, events, onLocked } = this.#config;
    const downSinceMs = options.now();
    let lockedSinceMs: number | null = null;
    for (let attempt = 0; !this.#stopped.signal.aborted; attempt++) {
      await pause(options, this.#stopped.signal, attempt);
      if (this.#stopped.signal.aborted) return;
      try {
        await this.#connect();
        options.log.info(`Connected to RabbitMQ at ${address.place} again.`);
        events.state.tell({ type: 'up' });
        this.#openCurrent();
        return;
      } catch (error) {
        if (error instanceof AccessRefusedError) {
          this.#giveUp(error);
          return;
        }
        const nowMs = options.now();
        lockedSinceMs = isResourceLocked(error) ? (lockedSinceMs ?? nowMs) : null;
        if (lockedSinceMs !== null && nowMs - lockedSinceMs >= oldConnectionBeats * options.heartbeatMs) {
          this.#giveUp(onLocked());
          return;
        }
        if (nowMs - downSinceMs >= options.retryForMs) {
          const seconds = Math.round((nowMs - downSinceMs) / 1_000);
          const last = isResourceLocked(error) ? onLocked() : error;
          const reason = last instanceof Error ? last.message : String(last);
          this.#giveUp(new BrokerError(`Gave up on RabbitMQ after ${seconds} s of trying. ${reason}`));
          return;
        }
        tellRetry(options, error);
      }
    }
  }
}

/** What amqplib says when a channel ends under a request → LinkDownError, or AccessRefusedError. */
export async function orLinkDown<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (isAccessRefused(error)) throw accessRefused(error);
    throw new LinkDownError('The connection to the broker was lost in the middle of a request.', {
      cause: error,
    });
  }
}

/** Connects once and hangs up. BrokerError if that does not work within `waitForBrokerMs`. */
export async function probe(address: BrokerAddress, options: ResolvedOptions): Promise<void> {
  const connection = await persist(options, new AbortController().signal, null, () =>
    openConnection(address, options, 'looks'),
  );
  await closeConnection(connection, options.timers);
}

/** Tries for the first time, and again as long as the options say. */
async function persist<T>(
  options: ResolvedOptions,
  stopped: AbortSignal,
  onLocked: (() => Error) | null,
  attempt: () => Promise<T>,
): Promise<T> {
  const startMs = options.now();
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      const locked = onLocked !== null && isResourceLocked(error);
      const patienceMs = locked ? Math.max(lockedForMs, options.waitForBrokerMs) : options.waitForBrokerMs;
      if (error instanceof AccessRefusedError) throw error;
      if (stopped.aborted || options.now() - startMs >= patienceMs) throw locked ? onLocked() : error;
      if (!locked) tellRetry(options, error);
    }
    await pause(options, stopped, failures);
  }
}

function tellRetry(options: ResolvedOptions, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  options.log.warn('Cannot connect to RabbitMQ, trying again.', { reason });
}

async function pause(options: ResolvedOptions, stopped: AbortSignal, failures: number): Promise<void> {
  await pauseFor(options.timers, backoffMs(failures, options.random), stopped);
}

async function openPair(
  address: BrokerAddress,
  options: ResolvedOptions,
): Promise<[ChannelModel, ChannelModel]> {
  const consuming = await openConnection(address, options, 'consumes');
  try {
    return [consuming, await openConnection(address, options, 'publishes')];
  } catch (error) {
    await closeConnection(consuming, options.timers);
    throw error;
  }
}
