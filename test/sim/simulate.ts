import { isReproducible } from '../../src/coordinator/spec.js';
import { createRandom } from '../../src/engine/index.js';
import { Faults } from './faults.js';
import { type Mutation, unchanged } from './mutation.js';
import type { Expected, Violation } from './oracle.js';
import { drawSchedule, type Schedule, undisturbed } from './schedule.js';
import { Simulation } from './simulation.js';
import { specOf } from './spec.js';

/** What one schedule came to. */
export interface Outcome {
  seed: number;
  /** Null if everything held. */
  violation: Violation | null;
  /** One line per event; empty unless asked for. */
  timeline: string[];
  virtualMs: number;
  events: number;
  accepted: number;
  redispatched: number;
  rejected: number;
  coordinatorStarts: number;
  longestWaitMs: { calm: number; damaged: number };
  buffers: number;
}

/**
 * Longest time for which no block may be accepted while broker, coordinator and a worker are there and undisturbed. Calm: no
 * message was damaged since the last fault; then nothing has to wait until a block counts as slow.
 */
export const progressBoundMs = { calm: 55_000, damaged: 1_200_000 };
/** After everything is mended the run may take this long. */
export const endBoundMs = 3_600_000;

const expectedOf = new Map<string, Promise<Expected>>();

/** Runs the schedule of a seed. The same seed and mutation give the same outcome, event by event. */
export async function simulate(
  seed: number,
  mutation: Mutation = unchanged,
  traces = false,
): Promise<Outcome> {
  const schedule = mutation.stage(drawSchedule(seed, createRandom(seed, 0)));
  const simulation = new Simulation(schedule, mutation, await expectedFor(schedule), traces);
  await play(simulation);
  const { oracle, clock, timeline } = simulation;
  const { violation, accepted, redispatched, rejected, coordinatorStarts, longestWaitMs, buffers } = oracle;
  const { nowMs: virtualMs, count: events } = clock;
  const counts = { accepted, redispatched, rejected, coordinatorStarts, buffers };
  return { seed, violation, timeline, virtualMs, events, longestWaitMs, ...counts };
}

/** What it has to come to, bit by bit; null where that depends on the cluster, too (asynchronous training, topk). */
async function expectedFor(schedule: Schedule): Promise<Expected | null> {
  if (!isReproducible(specOf(schedule.world))) return null;
  const key = JSON.stringify(schedule.world);
  const known = expectedOf.get(key) ?? expect(schedule);
  expectedOf.set(key, known);
  return known;
}

/** The run with one worker and no fault. */
async function expect(schedule: Schedule): Promise<Expected> {
  const simulation = new Simulation(undisturbed(schedule), unchanged, null, true);
  const ends: Omit<Expected, 'versions'>[] = [];
  simulation.oracle.finished = (modelSha256, rest) => void ends.push({ modelSha256, rest: rest ?? '' });
  await play(simulation);
  const { versions, violation } = simulation.oracle;
  const [end] = ends;
  if (violation !== null || end === undefined)
    throw new Error(
      `The undisturbed run fails: ${JSON.stringify(violation)}\n${simulation.timeline.slice(0, 60).join('\n')}`,
    );
  return { versions, ...end };
}

async function play(simulation: Simulation): Promise<void> {
  const { oracle, clock, schedule } = simulation;
  const faults = new Faults(simulation);
  simulation.startCoordinator();
  for (let i = 0; i < schedule.workers; i++) simulation.startWorker();
  for (let i = 0; i < schedule.reducers; i++) simulation.startReducer();
  faults.start();
  const check = (): void => {
    checkProgress(simulation, faults);
    clock.after(1_000, check);
  };
  clock.after(1_000, check);
  await clock.run(() => simulation.outcome !== null || oracle.violation !== null);
}

function checkProgress(simulation: Simulation, faults: Faults): void {
  const { oracle, clock, schedule, network, coordinator, workers, reducers } = simulation;
  if (faults.isOver && clock.nowMs > schedule.faultsUntilMs + endBoundMs)
    oracle.fail('progress', `the run has not ended ${endBoundMs / 60_000} minutes after the last fault`);
  const isThere =
    coordinator?.isAwake === true && !coordinator.isCutOff && network.isUp && !network.isBlocked;
  const able = [...workers.values()].filter(({ process }) => process.isAwake && !process.isCutOff);
  const summing = [...reducers.values()].filter(({ process }) => process.isAwake && !process.isCutOff);
  if (!isThere || able.length < schedule.minWorkers || summing.length < schedule.reducers)
    oracle.progressed();
  const kind = simulation.damagedMs > oracle.lastProgressMs - 120_000 ? 'damaged' : 'calm';
  const waitedMs = clock.nowMs - oracle.lastProgressMs;
  oracle.longestWaitMs[kind] = Math.max(oracle.longestWaitMs[kind], waitedMs);
  if (waitedMs > progressBoundMs[kind])
    oracle.fail(
      'progress',
      `nothing was accepted for ${Math.round(waitedMs / 1000)} s although everybody is there`,
    );
}
