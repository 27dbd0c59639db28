import { EventEmitter } from 'node:events';
import type { Random } from '../../src/engine/index.js';
import { decode, ProtocolError } from '../../src/protocol/index.js';
import { type BrokerMessage, SimBroker } from './broker.js';
import { SimChannel } from './channel.js';
import type { SimProcess, VirtualClock } from './clock.js';

/** How the network of one schedule is. */
export interface Conditions {
  /** Milliseconds that a frame takes, at least and as a rule at most. */
  delayMs: [least: number, most: number];
  /** Share of frames that take up to a second longer, and keep those behind them waiting. */
  hiccup: number;
  /** Share of deliveries whose bytes are damaged on the way. */
  corrupt: number;
}

/** The broker with the network before it: connections of simulated processes, and what can happen to them. */
export class SimNetwork {
  readonly broker: SimBroker;
  readonly connections = new Set<SimConnection>();
  conditions: Conditions = { delayMs: [1, 2], hiccup: 0, corrupt: 0 };
  isUp = true;
  isBlocked = false;
  onCorrupted: (type: string, to: string) => void = () => undefined;
  /** A task, or whatever else, was acked by this process. */
  onAcked: (queue: string, message: BrokerMessage, process: SimProcess, damaged: boolean) => void = () =>
    undefined;
  readonly clock: VirtualClock;
  readonly random: Random;

  constructor(clock: VirtualClock, random: Random) {
    this.clock = clock;
    this.random = random;
    this.broker = new SimBroker(random);
  }

  delayMs(): number {
    const [least, most] = this.conditions.delayMs;
    const usual = least + this.random.float() * (most - least);
    return this.random.float() < this.conditions.hiccup ? usual + 1_000 * this.random.float() : usual;
  }

  /** amqplib's `connect` as this process has it. */
  connect(process: SimProcess, heartbeatMs: number): Promise<SimConnection> {
    return new Promise((resolve, reject) => {
      process.after(this.delayMs() * 3, () => {
        if (this.isUp && !process.isCutOff) resolve(new SimConnection(this, process, heartbeatMs));
        else reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
      });
    });
  }

  /** The broker goes down; it keeps what is durable and on its disk. */
  crash(): void {
    this.isUp = false;
    this.isBlocked = false;
    this.broker.restart();
    for (const connection of this.connections) connection.cut(this.delayMs(), 0);
  }

  block(isBlocked: boolean): void {
    if (this.isBlocked === isBlocked) return;
    this.isBlocked = isBlocked;
    for (const connection of this.connections) connection.tellBlocked(isBlocked);
  }

  of(process: SimProcess): SimConnection[] {
    return [...this.connections].filter((connection) => connection.process === process);
  }

  /** The bytes as they arrive; null if nothing happens to them. Damage is what the codec can see: TCP and AMQP frames catch the rest. */
  damage(message: BrokerMessage, to: string): Buffer | null {
    if (this.conditions.corrupt === 0 || this.random.float() >= this.conditions.corrupt) return null;
    for (;;) {
      const bytes = Buffer.from(message.content);
      for (let i = 0; i < 8; i++) bytes[this.random.below(bytes.length)] ^= 1 << this.random.below(8);
      const cut = bytes.subarray(0, 1 + this.random.below(bytes.length));
      try {
        decode(cut);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.onCorrupted(message.properties.type ?? '?', to);
        return cut;
      }
    }
  }
}

/** One AMQP connection, both its ends: each learns of the end on its own. */
export class SimConnection extends EventEmitter {
  readonly network: SimNetwork;
  readonly process: SimProcess;
  readonly heartbeatMs: number;
  readonly channels = new Set<SimChannel>();
  /** Where the true one has its socket. */
  readonly connection = { stream: { destroy: () => this.cut(0, this.network.delayMs()) } };
  #clientOpen = true;
  #serverOpen = true;
  #arrivesMs = { toServer: 0, toClient: 0 };
  #stalled: (() => void)[] = [];

  constructor(network: SimNetwork, process: SimProcess, heartbeatMs: number) {
    super();
    this.network = network;
    this.process = process;
    this.heartbeatMs = heartbeatMs;
    network.connections.add(this);
  }

  get isOpen(): boolean {
    return this.#clientOpen;
  }

  /** A frame: in order behind those before it, and lost if the other end is gone when it arrives. */
  toServer(run: () => void): void {
    this.#send('toServer', () => {
      if (this.#serverOpen) run();
    });
  }

  toClient(run: () => void): void {
    this.#send('toClient', () => {
      this.process.enter(() => {
        if (this.#clientOpen) run();
      });
    });
  }

  /** A publish waits while the broker takes none, and so does what follows it. */
  takePublish(run: () => void): void {
    if (this.network.isBlocked || this.#stalled.length > 0) this.#stalled.push(run);
    else run();
  }

  tellBlocked(isBlocked: boolean): void {
    this.toClient(() => void this.emit(isBlocked ? 'blocked' : 'unblocked', 'low on memory'));
    if (isBlocked) return;
    const stalled = this.#stalled;
    this.#stalled = [];
    for (const run of stalled) if (this.#serverOpen) run();
  }

  async createChannel(): Promise<SimChannel> {
    const channel = new SimChannel(this);
    await channel.rpc(() => undefined);
    return channel;
  }

  createConfirmChannel(): Promise<SimChannel> {
    return this.createChannel();
  }

  /** Messages of a type that were delivered here and not settled yet. */
  unacked(type: string): BrokerMessage[] {
    return [...this.channels].flatMap((channel) => channel.unacked(type));
  }

  /** The closing handshake. */
  close(): Promise<void> {
    if (!this.#clientOpen) throw new Error('Connection closed');
    return new Promise((resolve) => {
      this.toServer(() => {
        this.toClient(() => {
          this.#loseClient(undefined);
          resolve();
        });
        this.loseServer();
      });
    });
  }

  /** Both ends learn of the end, after so long. */
  cut(clientAfterMs: number, serverAfterMs: number): void {
    const { clock } = this.network;
    clock.after(clientAfterMs, () => {
      this.process.enter(() => this.#loseClient(new Error('Unexpected close')));
    });
    if (serverAfterMs === 0) this.loseServer();
    else clock.after(serverAfterMs, () => this.loseServer());
  }

  /** Gives back what was delivered, and drops the queues that were its own. */
  loseServer(): void {
    if (!this.#serverOpen) return;
    this.#serverOpen = false;
    this.#stalled = [];
    this.network.connections.delete(this);
    for (const channel of this.channels) channel.loseServer();
    this.network.broker.closeOwner(this);
  }

  #loseClient(error: Error | undefined): void {
    if (!this.#clientOpen) return;
    this.#clientOpen = false;
    for (const channel of this.channels) channel.loseClient();
    this.emit('close', error);
  }

  #send(way: 'toServer' | 'toClient', run: () => void): void {
    const { clock } = this.network;
    this.#arrivesMs[way] = Math.max(this.#arrivesMs[way], clock.nowMs + this.network.delayMs());
    clock.after(this.#arrivesMs[way] - clock.nowMs, run);
  }
}
