import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from '../../src/engine/index.js';
import type { WorkerAction, WorkerEvent } from '../../src/worker/events.js';
import { arrival, endOfRun, Mind, offer, weights } from './mind.js';

/**
 * A careless world around the decider: answers come late, twice or never, links break, coordinators start again.
 * Whatever the order, a delivery gets one verdict at most, no more threads are used than there are, and time is never
 * asked for in the past.
 */
class World {
  readonly mind = new Mind({ threads: 2, fetchRetryMs: 20, fetchTimeoutMs: 200, fetchAttempts: 3 });
  readonly open = new Set<number>();
  /** Deliveries, and how many threads each is on. */
  readonly onThreads = new Map<number, number>();
  readonly pending: WorkerEvent[] = [];
  readonly random: Random;
  deliveries = 0;
  isSubscribed = false;
  isUp = true;
  isFinished = false;
  fence = 1;
  version = 0;

  constructor(seed: number) {
    this.random = createRandom(seed);
  }

  raise(event: WorkerEvent): void {
    for (const action of this.mind.on(event)) this.perform(action);
    const wakeMs = this.mind.wakeMs();
    if (wakeMs !== null) expect(wakeMs).toBeGreaterThan(this.mind.nowMs);
  }

  perform(action: WorkerAction): void {
    const after = (event: WorkerEvent): void => void this.pending.push(event);
    switch (action.type) {
      case 'join':
        this.isSubscribed = this.isUp;
        if (this.isUp) after({ type: 'joined', run: 'r1' });
        else after({ type: 'join_failed', run: 'r1', reason: 'down', passing: true });
        break;
      case 'leave':
        this.isSubscribed = false;
        this.onThreads.clear();
        after({ type: 'left', run: action.run });
        break;
      case 'pause_tasks':
        this.isSubscribed = false;
        after({ type: 'paused', run: action.run });
        break;
      case 'settle':
      case 'forget':
        expect(this.open.delete(action.delivery), `verdict on ${action.delivery}`).toBe(true);
        break;
      case 'compute':
        this.onThreads.set(action.delivery, action.width);
        expect([...this.onThreads.values()].reduce((sum, width) => sum + width)).toBeLessThanOrEqual(2);
        expect(this.mind.run.versions).toEqual([action.task.weightsVersion]);
        break;
      case 'publish':
        expect(this.open.has(action.delivery)).toBe(true);
        if (this.isUp) after({ type: 'published', delivery: action.delivery });
        break;
      case 'send_failure':
        after({ type: 'failure_sent', delivery: action.delivery });
        break;
      case 'request_block':
        if (this.random.below(4) > 0) after({ type: 'block_stored', run: 'r1', block: action.block });
        break;
      case 'finish':
        this.isFinished = true;
        break;
      case 'hello':
      case 'ready':
      case 'heartbeat':
      case 'goodbye':
      case 'keep_weights':
      case 'abandon':
      case 'report':
        break;
      default:
        throw new TypeError(`Not an action: ${JSON.stringify(action satisfies never)}`);
    }
  }

  finishOnThread(): void {
    const [delivery] = this.onThreads.keys();
    if (delivery === undefined) return;
    this.onThreads.delete(delivery);
    const failed = this.random.below(5) === 0;
    if (this.random.below(9) === 0) return this.raise({ type: 'block_missing', delivery, block: 1 });
    this.raise(
      failed ? { type: 'compute_failed', delivery, reason: 'torn' } : { type: 'computed', delivery },
    );
  }

  deliver(): void {
    if (!this.isSubscribed || !this.isUp) return;
    const delivery = ++this.deliveries;
    this.open.add(delivery);
    const fence = Math.max(0, this.fence - this.random.below(2));
    const weightsVersion = Math.max(0, this.version + this.random.below(3) - 1);
    const missing = this.random.below(3) === 0 ? [this.random.below(5)] : [];
    this.raise(arrival(delivery, { fence, weightsVersion, node: 4 + this.random.below(4) }, missing));
  }

  step(): void {
    const { random } = this;
    this.mind.nowMs += random.below(150);
    switch (random.below(14)) {
      case 0:
        if (random.below(6) === 0 && this.isUp) {
          this.isUp = false;
          this.raise({ type: 'link_down', reason: 'cut' });
        }
        break;
      case 1:
        if (!this.isUp) {
          this.isUp = true;
          this.raise({ type: 'link_up' });
        }
        break;
      case 2:
        if (random.below(8) === 0) this.raise(endOfRun({ fence: this.fence }));
        break;
      case 3:
        if (random.below(4) === 0) this.fence += 1;
        this.raise({ type: 'message', message: { ...offer, fence: this.fence } });
        break;
      case 4:
        this.version += 1;
        this.raise(weights(this.version, this.fence));
        break;
      case 5:
        this.raise({ type: 'tick' });
        break;
      case 6:
      case 7:
        this.finishOnThread();
        break;
      case 8:
      case 9:
      case 10:
        this.deliver();
        break;
      default: {
        const [event] = this.pending.splice(random.below(this.pending.length + 1), 1);
        if (event !== undefined) this.raise(event);
      }
    }
  }

  /** Drains and lets everything that is still on its way arrive. */
  end(): void {
    this.raise({ type: 'drain', reason: 'test' });
    for (let i = 0; i < 200 && !this.isFinished; i++) {
      this.mind.nowMs += 50;
      const event = this.pending.shift();
      if (event !== undefined) this.raise(event);
      else this.finishOnThread();
    }
  }
}

describe('in any order', () => {
  const seeds = Array.from({ length: 300 }, (_, i) => i + 1);
  it('one verdict for each delivery, and a drain that ends', () => {
    for (const seed of seeds) {
      const world = new World(seed);
      world.raise({ type: 'tick' });
      for (let i = 0; i < 150; i++) world.step();
      world.end();
      expect(world.isFinished, `seed ${seed} ends`).toBe(true);
      expect([...world.open], `seed ${seed} settles all`).toEqual([]);
    }
  });
});
