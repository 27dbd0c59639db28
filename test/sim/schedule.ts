import { createRandom, type Random } from '../../src/engine/index.js';
import type { Conditions } from './network.js';
import type { WorldChoice } from './spec.js';

export const faultKinds = [
  'kill worker',
  'lose worker machine',
  'drain worker',
  'add worker',
  'freeze worker',
  'cut worker off',
  'cut one connection',
  'make worker sick',
  'lose cache',
  'kill coordinator',
  'kill coordinator while a worker sleeps',
  'lose coordinator machine',
  'freeze coordinator',
  'cut coordinator off',
  'damage checkpoint',
  'fill disk',
  'restart broker',
  'block broker',
] as const;
/** Of schedules with reducers, beside the others. */
export const reducerFaultKinds = [
  'kill reducer',
  'lose reducer machine',
  'drain reducer',
  'freeze reducer',
  'cut reducer off',
] as const;
export type FaultKind =
  | (typeof faultKinds)[number]
  | (typeof reducerFaultKinds)[number]
  /** Orderly, and gone on with later. */
  | 'stop coordinator';

/** Everything that a seed decides before anything happens. What else a spec may say is drawn after that (options.ts). */
export interface Schedule {
  seed: number;
  world: WorldChoice;
  /** Workers at the start, and what may become of them. */
  workers: number;
  mostWorkers: number;
  minWorkers: number;
  /** A microshard on a worker of speed 1. */
  microshardMs: number;
  heartbeatMs: number;
  brokerHeartbeatMs: number;
  checkpointEveryMs: number;
  keepCheckpoints: number;
  auditShare: number;
  /** Reducers at the start, and ranges of the run; 0: the coordinator sums. */
  reducers: number;
  conditions: Conditions;
  oddities: { duplicate: number; reorder: number };
  faults: FaultKind[];
  /** Mean time between two faults, and when the last one is. */
  faultEveryMs: number;
  faultsUntilMs: number;
}

export const pick = <T>(random: Random, values: readonly T[]): T => values[random.below(values.length)];

export function drawSchedule(seed: number, random: Random): Schedule {
  const chance = (share: number): boolean => random.float() < share;
  // Mostly few workers, sometimes up to forty.
  const mostWorkers = pick(random, [1, 2, 3, 3, 4, 5, 6, 8, 12, 20, 40]);
  const workers = 1 + random.below(mostWorkers);
  const least = pick(random, [0.2, 1, 5, 20]);
  const schedule: Schedule = {
    seed,
    world: {
      microshards: pick(random, [4, 8, 16]),
      stepsPerEpoch: 2 + random.below(3),
      epochs: 1 + random.below(2),
      validates: chance(0.6),
      optimizer: pick(random, ['sgd', 'adam'] as const),
      seed: random.below(2),
      delay: 0,
      staleness: null,
      wide: false,
      options: {},
    },
    workers,
    mostWorkers,
    minWorkers: chance(0.3) ? Math.min(workers, 1 + random.below(3)) : 1,
    microshardMs: pick(random, [20, 100, 400]),
    heartbeatMs: pick(random, [1_000, 2_000, 4_000]),
    brokerHeartbeatMs: pick(random, [2_000, 5_000]),
    checkpointEveryMs: pick(random, [0, 0, 1_000, 10_000, 1_000_000]),
    keepCheckpoints: 2 + random.below(2),
    auditShare: pick(random, [0, 0, 0.3, 1]),
    reducers: 0,
    conditions: {
      delayMs: [least, least * pick(random, [1.5, 10])],
      hiccup: pick(random, [0, 0.01, 0.05]),
      corrupt: pick(random, [0, 0, 0.01, 0.05]),
    },
    oddities: { duplicate: pick(random, [0, 0, 0.1]), reorder: pick(random, [0, 0, 0.1]) },
    faults: drawFaults(random),
    faultEveryMs: pick(random, [500, 2_000, 6_000]),
    faultsUntilMs: 3_000 + random.below(40_000),
  };
  // Drawn last: what the seeds were before there was a delay, or asynchronous training, most of them still are.
  const late = { ...schedule, world: { ...schedule.world, delay: pick(random, [0, 0, 0, 1, 1, 2]) } };
  const staleness = pick(random, [null, null, null, null, null, null, 0, 1, 3, 8]);
  if (staleness !== null) return asynchronous(late, staleness);
  return withReducers(late, createRandom(seed, 5));
}

/** The same, but gradients are applied as they come. */
export function asynchronous(schedule: Schedule, staleness: number): Schedule {
  return { ...schedule, auditShare: 0, world: { ...schedule.world, delay: 0, staleness } };
}

/** A third of all schedules; the others are what they were before there were reducers. */
function withReducers(schedule: Schedule, random: Random): Schedule {
  const reducers = pick(random, [0, 0, 0, 0, 1, 2]);
  if (reducers === 0) return schedule;
  const others = reducerFaultKinds.filter(() => random.below(2) === 0);
  const faults = schedule.faults.length === 0 ? [] : [...schedule.faults, ...others];
  return { ...schedule, reducers, faults, world: { ...schedule.world, wide: true } };
}

/** In half of the schedules in which something goes wrong the coordinator is asked to stop, too. */
export function withStops(schedule: Schedule): Schedule {
  const { seed, faults } = schedule;
  if (faults.length === 0 || createRandom(seed, 8).below(2) === 0) return schedule;
  return { ...schedule, faults: [...faults, 'stop coordinator'] };
}

const isOfReducers = (kind: FaultKind): boolean => reducerFaultKinds.some((one) => one === kind);

/** The same without reducers. */
export function unreduced(schedule: Schedule): Schedule {
  const world = { ...schedule.world, wide: false };
  return { ...schedule, reducers: 0, world, faults: schedule.faults.filter((kind) => !isOfReducers(kind)) };
}

/** Not every schedule has every kind of fault: some bugs show only where others do not get in the way. */
function drawFaults(random: Random): FaultKind[] {
  const dice = random.float();
  if (dice < 0.05) return [];
  if (dice < 0.4) return Array.from({ length: 2 + random.below(2) }, () => pick(random, faultKinds));
  return faultKinds.filter(() => random.below(2) === 0);
}

/** The same run with one worker and nothing that goes wrong. */
export function undisturbed(schedule: Schedule): Schedule {
  return {
    ...schedule,
    seed: 0,
    workers: 1,
    mostWorkers: 1,
    minWorkers: 1,
    microshardMs: 20,
    checkpointEveryMs: 1_000_000,
    auditShare: 0,
    reducers: 0,
    conditions: { delayMs: [0.5, 1], hiccup: 0, corrupt: 0 },
    oddities: { duplicate: 0, reorder: 0 },
    faults: [],
    faultsUntilMs: 0,
  };
}
