import type { UpdateKernels } from '../engine/index.js';
import { asBytes, type Result, type Task } from '../protocol/index.js';
import type { Verdict, WorkerLink } from '../transport/index.js';
import { LinkDownError, RunGoneError } from '../transport/index.js';
import type { BlockSums } from './compute-messages.js';
import type { WorkerAction, WorkerEvent } from './events.js';
import type { WorkerMetrics } from './metrics.js';
import type { RunSession } from './run-session.js';
import { inSegments } from './segments.js';
import { messageOf } from './sending.js';

/** A task between its delivery and its verdict. */
interface Open {
  settle: (verdict: Verdict) => void;
  computed: { sums: BlockSums; computeMs: number; thread: number; threads: number } | null;
}

/** The tasks in hand with what the decider does not carry: their promises and their gradients. */
export class Deliveries {
  readonly #worker: string;
  readonly #raise: (event: WorkerEvent) => void;
  readonly #metrics: WorkerMetrics;
  readonly #now: () => number;
  readonly #kernels: UpdateKernels;
  readonly #open = new Map<number, Open>();
  #count = 0;

  constructor(o: {
    worker: string;
    raise: (event: WorkerEvent) => void;
    metrics: WorkerMetrics;
    now: () => number;
    kernels: UpdateKernels;
  }) {
    this.#worker = o.worker;
    this.#raise = o.raise;
    this.#metrics = o.metrics;
    this.#now = o.now;
    this.#kernels = o.kernels;
  }

  /** Resolves when the decider settles it; never if it forgets it. */
  take(task: Task, missing: readonly number[]): Promise<Verdict> {
    return new Promise((settle) => {
      this.#count += 1;
      this.#open.set(this.#count, { settle, computed: null });
      this.#raise({ type: 'task', delivery: this.#count, task, missing });
    });
  }

  settle(delivery: number, verdict: Verdict): void {
    this.#open.get(delivery)?.settle(verdict);
    this.#open.delete(delivery);
  }

  forget(delivery: number): void {
    this.#open.delete(delivery);
  }

  /** `computed` or `compute_failed` follows. */
  async compute(
    session: RunSession,
    { delivery, task, width }: Extract<WorkerAction, { type: 'compute' }>,
  ): Promise<void> {
    const done = this.#metrics.computing(width);
    const outcome = await session.compute(delivery, task, width).finally(done);
    switch (outcome.type) {
      case 'computed': {
        const open = this.#open.get(delivery);
        const { sums, computeMs, thread, threads } = outcome;
        if (open !== undefined) open.computed = { sums, computeMs, thread, threads };
        return this.#raise({ type: 'computed', delivery });
      }
      case 'abandoned':
        this.#metrics.finished('abandoned');
        return this.#raise({ type: 'compute_failed', delivery, reason: 'it was stopped.' });
      case 'block_missing':
        return this.#raise({ type: 'block_missing', delivery, block: outcome.block });
      case 'failed':
        return this.#raise({ type: 'compute_failed', delivery, reason: outcome.reason });
      default:
        throw new TypeError(`Not an outcome: ${JSON.stringify(outcome satisfies never)}`);
    }
  }

  /** `published`, `publish_failed` or `run_gone` follows, or nothing if the link went down: then the task is void. */
  async publish(link: WorkerLink, action: Extract<WorkerAction, { type: 'publish' }>): Promise<void> {
    const { delivery, task, takenAtMs, fetchMs, waitMs, ranges } = action;
    const computed = this.#open.get(delivery)?.computed;
    if (computed === undefined || computed === null)
      throw new Error(`There is no result of delivery ${delivery}.`);
    const { computeMs, thread, threads } = computed;
    const sentAtMs = this.#now();
    const { samples, lossSum, correct, confusion, gradient, encoded } = computed.sums;
    const { run, fence, step, pass, weightsVersion, node, mode } = task;
    const result: Result = {
      type: 'result',
      run,
      fence,
      step,
      pass,
      weightsVersion,
      node,
      mode,
      worker: this.#worker,
      samples,
      lossSum,
      correct,
      confusion,
      encoding: encoded?.encoding ?? 'f32',
      gradient: encoded?.bytes ?? asBytes(gradient),
      fetchMs,
      waitMs,
      computeMs,
      takenAtMs,
      sentAtMs,
      thread,
      threads,
      segmentMarks: [],
      badSegments: 0,
    };
    try {
      if (ranges.length === 0) await link.publishResult(result);
      else {
        const { header, segments } = inSegments(result, ranges, this.#kernels);
        // In this order, on their way at once: whoever reads the header can rely on the segments.
        const sent = segments.map((segment) => link.publishSegment(segment));
        await Promise.all([...sent, link.publishResult(header)]);
      }
      const publishing = this.#now() - sentAtMs;
      const ms = { fetching: fetchMs, waiting: waitMs, computing: computeMs, publishing };
      this.#metrics.published(mode, samples, ms);
      this.#raise({ type: 'published', delivery });
    } catch (error) {
      if (error instanceof LinkDownError) return;
      if (error instanceof RunGoneError) this.#raise({ type: 'run_gone', run, reason: error.message });
      else this.#raise({ type: 'publish_failed', delivery, reason: messageOf(error) });
    }
  }
}
