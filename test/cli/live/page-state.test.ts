import { expect, it } from 'vitest';
import { rememberPictures, stateBefore, stateOf } from '../../../src/cli/live/page-state.js';
import { createPhaseMeans } from '../../../src/cli/live/phase-means.js';
import type { RunView } from '../../../src/coordinator/index.js';
import { createCoordinatorMetrics } from '../../../src/coordinator/metrics.js';
import { createRegistry } from '../../../src/metrics/index.js';
import { facts } from '../../coordinator/run-facts.js';
import { smallSpec } from '../../support/small-run.js';

type Epoch = RunView['epochs'][number];
type Worker = RunView['status']['workers'][number];
type Range = RunView['status']['ranges'][number];

function worker(name: string, lastSeenSeconds: number): Worker {
  return {
    worker: name,
    host: 'h',
    threads: 2,
    kernels: 'reference',
    state: 'ready',
    lastSeenSeconds,
    blocks: [8, 9],
    images: 100,
    imagesPerSecond: 12.4,
    eventLoopLagMs: 1,
    rssBytes: 1,
  };
}

function range(index: number, changes: Partial<Range> = {}): Range {
  return {
    range: index,
    parameters: 617,
    share: 0.5,
    reducer: `r${index}`,
    host: 'h',
    state: 'held',
    lastSeenSeconds: 0.4,
    awaited: [],
    before: null,
    ...changes,
  };
}

function view(
  o: { workers?: Worker[]; ranges?: Range[]; epochs?: number; phase?: RunView['status']['phase'] } = {},
): RunView {
  const epochs = Array.from(
    { length: o.epochs ?? 0 },
    (_, i): Epoch => ({
      epoch: i + 1,
      step: 10 * (i + 1),
      learningRate: 0.1,
      trainLoss: 1 / (i + 1),
      trainAccuracy: 0.5,
      validationLoss: 2 / (i + 1),
      validationAccuracy: null,
      seconds: 1,
      imagesPerSecond: 100,
    }),
  );
  return {
    status: {
      run: 'run-1',
      phase: o.phase ?? 'training',
      epoch: 1,
      epochs: 1000,
      step: 5,
      totalSteps: 10_000,
      loss: 0.123,
      accuracy: 0.9,
      validationLoss: null,
      validationAccuracy: null,
      learningRate: 0.01,
      imagesPerSecond: 100,
      etaSeconds: 12.7,
      waiting: 'Step 5 waits.',
      fence: 1,
      version: '1',
      checkpointAgeSeconds: 1,
      workers: o.workers ?? [],
      ranges: o.ranges ?? [],
      expelled: [],
    },
    threads: 4,
    doing: new Map([['w1', { computing: 0.5, fetching: 0.2 }]]),
    seconds: 3.2,
    epochs,
    course: [[1, 1.23456789, 0.1]],
    pace: [],
    validation: { epoch: 1, confusion: Uint32Array.of(5, 1, 0, 4) },
    gallery: null,
    model: { name: 'small', parameters: 1234 },
    samples: { train: 10, validation: 4 },
  };
}

const spec = smallSpec();
const stateFor = (seen: RunView) => stateOf(seen, spec, '1', rememberPictures());

const factsOf = (changes: Record<string, unknown>) =>
  stateBefore(smallSpec(changes), '1', '').run.facts.map(({ name, value }) => [name, value]);

it('says of what algorithm a run is, and whether its bits depend on the cluster', () => {
  const topk = factsOf({ gradients: { type: 'topk', density: 0.07, blocks: 2, reproducible: false } });
  expect(topk).toContainEqual(['Mode', 'gradients in topk, 7 % of their values, 2 blocks']);
  expect(topk).toContainEqual(['Bits', 'depend on the cluster, not on spec and data alone']);
  const int8 = factsOf({ gradients: { type: 'int8', blocks: 2 } });
  expect(int8).toContainEqual(['Mode', 'gradients in int8, 2 blocks']);
  expect(int8.map(([name]) => name)).not.toContain('Bits');
});

it('shows what there is before a run has begun', () => {
  const { progress, workers, validation } = stateBefore(spec, '1', '5 of 10 images are prepared.');
  expect(progress).toMatchObject({ phase: 'preparing', note: '5 of 10 images are prepared.', steps: 0 });
  expect([workers, validation]).toEqual([{ rows: [], more: 0 }, null]);
});

it('says a run in the page’s words', () => {
  const state = stateFor(view({ workers: [worker('w1', 0.4)] }));
  expect(state.progress).toMatchObject({
    phase: 'training',
    note: 'Step 5 waits.',
    etaSeconds: 13,
    workers: 1,
  });
  expect(state.workers.rows).toEqual([
    {
      name: 'w1',
      host: 'h',
      kernels: 'reference',
      threads: 2,
      state: 'ready',
      lastSeenSeconds: 0,
      imagesPerSecond: 12,
      blocks: 2,
      doing: { computing: 0.5, fetching: 0.2, waiting: 0.3 },
    },
  ]);
  expect(state.validation).toEqual({
    epoch: 1,
    confusion: [
      [5, 1],
      [0, 4],
    ],
  });
  expect(state.lines().loss).toEqual([[1, 1.2346]]);
  expect(stateFor(view({ phase: 'evaluating' })).progress.phase).toBe('validating');
  expect(stateFor(view({ phase: 'finished' })).progress).toMatchObject({ note: null, etaSeconds: null });
});

it('shows reducers where there are some, and the ranges that the run waits for until it is over', () => {
  expect(stateFor(view())).toMatchObject({ reducers: null, progress: { freeRanges: 0 } });
  const before = { reducer: 'r1', host: 'h', lastSeenSeconds: 8.4 };
  const free: Partial<Range> = { reducer: null, host: '', state: 'free', lastSeenSeconds: null, before };
  const ranges = [range(0), range(1, free)];
  const { reducers, progress } = stateFor(view({ ranges }));
  expect(progress.freeRanges).toBe(1);
  expect(reducers).toEqual({
    free: [1],
    rows: [
      { ...range(0), lastSeenSeconds: 0 },
      { ...range(1, free), before: { reducer: 'r1', lastSeenSeconds: 8 } },
    ],
  });
  expect(stateFor(view({ ranges, phase: 'stopped' })).reducers?.free).toEqual([]);
});

it('stays small, however many workers and epochs there are, and shows the silent ones first', () => {
  const workers = Array.from({ length: 300 }, (_, i) =>
    worker(`w${String(i).padStart(3, '0')}`, i === 250 ? 9 : 1),
  );
  const state = stateFor(view({ workers, epochs: 1000 }));
  expect([state.workers.rows.length, state.workers.more]).toEqual([64, 236]);
  expect(state.workers.rows.slice(0, 2).map(({ name }) => name)).toEqual(['w250', 'w000']);
  expect(state.epochs.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 12 }, (_, i) => 989 + i));
  expect(state.lines().validationLoss.length).toBeLessThanOrEqual(240);
  expect(state.lines().validationLoss.at(-1)).toEqual([10_000, 0.002]);
});

it('takes the phases of the last steps from the histograms', async () => {
  const registry = createRegistry();
  const means = createPhaseMeans(registry);
  await means.look();
  expect(means.latest()).toBeNull();
  const metrics = createCoordinatorMetrics(registry, facts, () => 0);
  const step = (seconds: number): void => {
    metrics.stepSeconds.observe(seconds);
    for (const phase of ['update', 'compute', 'sum', 'broadcast', 'queue'] as const)
      metrics.phaseSeconds.observe({ phase }, phase === 'compute' ? seconds : 0);
  };
  step(0.1);
  await means.look();
  expect(means.latest()?.stepMs).toBeCloseTo(100, 9);
  step(0.02);
  step(0.04);
  await means.look();
  // Of the two since, not of all three.
  expect(means.latest()?.stepMs).toBeCloseTo(30, 9);
  expect(means.latest()?.phases.map(({ name, ms }) => [name, Math.round(ms)])).toEqual([
    ['broadcast', 0],
    ['queue', 0],
    ['compute', 30],
    ['sum', 0],
    ['update', 0],
  ]);
});
