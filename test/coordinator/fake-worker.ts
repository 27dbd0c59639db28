import type { Pack } from '../../src/data/index.js';
import { buildModel, createPlan, parseModelSpec, referenceKernels } from '../../src/engine/index.js';
import type { Result, RunOffer, Task, ToWorker, Weights } from '../../src/protocol/index.js';
import { asBytes, asFloat32, leavesOf } from '../../src/protocol/index.js';
import type { Delivery, Transport } from '../../src/transport/index.js';
import { idle } from './support.js';

/** What a fake worker does wrong; every field is asked for each task. */
export interface Faults {
  /** Sends the result twice. */
  duplicate?: (task: Task) => boolean;
  /** Goes away without a word, with the task in hand. */
  die?: (task: Task) => boolean;
  /** Reports a failure instead of a result. */
  fail?: (task: Task) => string | null;
  /** Spoils the result. */
  spoil?: (result: Result) => void;
  /** Milliseconds before the result is sent. */
  delayMs?: (task: Task) => number;
}

export interface FakeWorker {
  tasks: number;
  messages: ToWorker[];
  die(): Promise<void>;
}

/** A worker of a few lines, on the test's own thread: same arithmetic as a real one, and whatever faults are asked for. */
export async function startFakeWorker(
  transport: Transport,
  worker: string,
  pack: Pack,
  faults: Faults = {},
  changes: { numericsId?: string; version?: string } = {},
): Promise<FakeWorker> {
  const link = await transport.openWorker({ worker });
  let timer: NodeJS.Timeout | undefined;
  let joined: { offer: RunOffer; compute: (task: Task, weights: Weights) => Result } | null = null;
  const weights = new Map<number, Weights>();
  let wake: (() => void)[] = [];
  const self: FakeWorker = {
    tasks: 0,
    messages: [],
    die: async () => {
      clearInterval(timer);
      await link.close();
    },
  };

  const hello = (): Promise<void> =>
    link.hello({
      type: 'hello',
      worker,
      host: 'here',
      pid: 1,
      threads: 1,
      numericsId: referenceKernels.numericsId,
      kernels: 'reference',
      version: '1.0.0',
      ...changes,
    });

  /** That version, as soon as it is here; null for one that is of no more use. */
  const weightsOf = async (version: number): Promise<Weights | null> => {
    const present = weights.get(version);
    if (present !== undefined) return present;
    if (version < Math.max(...weights.keys()) - (joined?.offer.staleness ?? 0)) return null;
    await new Promise<void>((resolve) => wake.push(resolve));
    return weightsOf(version);
  };

  const onTask = async (task: Task, delivery: Delivery): Promise<'ack' | 'requeue'> => {
    self.tasks += 1;
    if (delivery.redelivered) {
      // As a real one does, before it computes what somebody may have died of.
      const { run, fence, step, node } = task;
      await quietly(
        link.send(run, { type: 'heartbeat', run, fence, worker, nodes: [node], steps: [step], ...idle }),
      );
    }
    if (faults.die?.(task) === true) {
      await self.die();
      return 'requeue';
    }
    const present = await weightsOf(task.weightsVersion);
    if (joined === null || present === null || task.fence !== joined.offer.fence) return 'ack';
    const reason = faults.fail?.(task) ?? null;
    const { run, fence, step, pass, node, samples } = task;
    if (reason !== null) {
      await link.send(run, { type: 'task_failed', run, fence, step, pass, node, worker, reason, samples });
      return 'ack';
    }
    const result = joined.compute(task, present);
    const delayMs = faults.delayMs?.(task) ?? 0;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    faults.spoil?.(result);
    await quietly(link.publishResult(result));
    if (faults.duplicate?.(task) === true) await quietly(link.publishResult(result));
    return 'ack';
  };

  await link.receive((message) => {
    self.messages.push(message);
    if (message.type === 'announce') void quietly(hello());
    if (message.type === 'offer') void quietly(join(message));
    if (message.type === 'end_of_run' || (message.type === 'refuse' && joined !== null)) {
      clearInterval(timer);
      joined = null;
      weights.clear();
      void quietly(link.leaveRun());
    }
  });

  const join = async (offer: RunOffer): Promise<void> => {
    const isNew = joined === null;
    joined = { offer, compute: createCompute(offer, pack, worker) };
    if (isNew) {
      await link.joinRun(offer.run, {
        prefetch: 2,
        weightsKept: 1 + offer.staleness,
        task: onTask,
        weights: (arrived) => {
          weights.set(arrived.version, arrived);
          const oldest = Math.max(...weights.keys()) - offer.staleness;
          for (const version of weights.keys()) if (version < oldest) weights.delete(version);
          const waiting = wake;
          wake = [];
          for (const resume of waiting) resume();
        },
      });
    }
    const { run, fence } = offer;
    await link.send(run, { type: 'ready', run, fence, worker, threads: 1 });
    clearInterval(timer);
    timer = setInterval(() => {
      const beat = { nodes: [], steps: [], ...idle };
      void quietly(link.send(run, { type: 'heartbeat', run, fence, worker, ...beat }));
    }, offer.heartbeatMs);
  };
  await hello();
  return self;
}

const quietly = (sent: Promise<void>): Promise<void> => sent.catch(() => undefined);

/** The worker's arithmetic: each microshard alone, sums as the tree says. */
export function createCompute(
  offer: RunOffer,
  pack: Pack,
  worker: string,
): (task: Task, weights: Weights) => Result {
  const model = buildModel(parseModelSpec(JSON.parse(offer.modelSpecJson)));
  const { mean, std } = pack.manifest.preprocessing;
  const capacity = offer.microshardSamples;
  const plan = createPlan(model, referenceKernels, { capacity, scaling: { channels: 1, mean, std } });
  return (task, weights) => {
    const parameters = asFloat32(weights.parameters);
    const { first, count } = leavesOf(task.node, offer.microshards);
    const confusion = new Uint32Array(model.classes ** 2);
    let correct = 0;
    const sumTree = (leaf: number, width: number): { gradient: Float32Array; lossSum: number } => {
      if (width > 1) {
        const left = sumTree(leaf, width / 2);
        const right = sumTree(leaf + width / 2, width / 2);
        referenceKernels.add(left.gradient, right.gradient);
        return { gradient: left.gradient, lossSum: left.lossSum + right.lossSum };
      }
      const indices = task.samples.slice(leaf * capacity, (leaf + 1) * capacity);
      const pixels = new Uint8Array(capacity * pack.manifest.sampleBytes);
      const labels = new Uint8Array(capacity);
      pack.reader.read(indices, pixels, labels);
      const batch = { pixels, labels, count: indices.length };
      const gradient = new Float32Array(model.parameterCount);
      const key = { seed: offer.seed, step: task.step, microshard: first + leaf };
      const tally =
        task.mode === 'train'
          ? plan.gradient(parameters, batch, key, gradient)
          : plan.evaluate(parameters, batch);
      correct += tally.correct;
      for (const [i, n] of tally.confusion.entries()) confusion[i] += n;
      return { gradient, lossSum: tally.lossSum };
    };
    const { gradient, lossSum } = sumTree(0, count);
    const { run, fence, step, pass, weightsVersion, node, mode } = task;
    return {
      type: 'result',
      run,
      fence,
      step,
      pass,
      weightsVersion,
      node,
      mode,
      worker,
      samples: task.samples.length,
      lossSum,
      correct,
      confusion: mode === 'train' ? new Uint32Array(0) : confusion,
      encoding: 'f32',
      gradient: mode === 'train' ? asBytes(gradient) : new Uint8Array(0),
      fetchMs: 0,
      waitMs: 0,
      computeMs: 1,
      takenAtMs: 0,
      sentAtMs: 1,
      thread: 0,
      threads: 1,
      segmentMarks: [],
      badSegments: 0,
    };
  };
}
