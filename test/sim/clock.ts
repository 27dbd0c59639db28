import type { Timers } from '../../src/transport/index.js';

interface Event {
  atMs: number;
  order: number;
  run: (() => void) | null;
}

/** Virtual time: what is due next happens next, and of two things due at once the one that was asked for first. */
export class VirtualClock {
  nowMs = 0;
  /** Events that have happened. */
  count = 0;
  readonly #heap: Event[] = [];
  #order = 0;

  /** Returns how to call it off. */
  after(ms: number, run: () => void): () => void {
    const event: Event = { atMs: this.nowMs + Math.max(0, ms), order: this.#order++, run };
    this.#push(event);
    return () => {
      event.run = null;
    };
  }

  /** Lets everything happen until `isOver` says so after an event. Promises settle fully in between. */
  async run(isOver: () => boolean): Promise<void> {
    await settled();
    for (let next = this.#pop(); next !== undefined; next = this.#pop()) {
      if (next.run === null) continue;
      this.nowMs = next.atMs;
      this.count += 1;
      next.run();
      await settled();
      if (isOver()) return;
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent], event)) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return last;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child += 1;
      if (isBefore(last, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** Node runs a tick only when no promise is left to settle. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}

/** A simulated operating system process: whatever reaches it goes through `enter`, so it can be frozen and killed. */
export class SimProcess {
  readonly name: string;
  readonly timers: Timers;
  /** No way to the broker. */
  isCutOff = false;
  readonly #clock: VirtualClock;
  #alive = true;
  #frozen = false;
  #waiting: (() => void)[] = [];

  constructor(name: string, clock: VirtualClock) {
    this.name = name;
    this.#clock = clock;
    this.timers = { after: (ms, run) => this.after(ms, run) };
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  get isFrozen(): boolean {
    return this.#frozen;
  }

  /** True if the process can do something at this moment. */
  get isAwake(): boolean {
    return this.#alive && !this.#frozen;
  }

  after(ms: number, run: () => void): () => void {
    let called = false;
    const once = (): void => {
      if (!called) run();
    };
    const cancel = this.#clock.after(ms, () => this.enter(once));
    return () => {
      called = true;
      cancel();
    };
  }

  /** Now; later if it is frozen; never if it is dead. */
  enter(run: () => void): void {
    if (!this.#alive) return;
    if (this.#frozen) this.#waiting.push(run);
    else run();
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    // One event each, as an event loop takes them up; what arrives meanwhile comes after.
    for (const run of waiting) this.#clock.after(0, () => this.enter(run));
  }

  kill(): void {
    this.#alive = false;
    this.#waiting = [];
  }
}
