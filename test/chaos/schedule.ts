import { createRandom, type Random } from '../../src/engine/index.js';

/** What is done to a true cluster. Whoever is frozen, cut off or slowed down is left alone again after `forMs`. */
export type Act =
  | { type: 'kill'; worker: string }
  | { type: 'freeze'; who: string; forMs: number }
  /** `reset`: both ends are told. `silent`: packets get lost, and nobody is told. */
  | { type: 'cut'; who: string; how: 'reset' | 'silent'; forMs: number }
  | { type: 'slow'; who: string; bytesPerSecond: number; forMs: number }
  | { type: 'join'; worker: string }
  /** By a signal at its own machine, or by `onko drain` from elsewhere. */
  | { type: 'drain'; worker: string; by: 'signal' | 'command' }
  | { type: 'kill_coordinator'; againAfterMs: number }
  | { type: 'restart_broker'; hard: boolean; downMs: number };

/** When the run has done so many steps, and then a little later. */
export interface Moment {
  step: number;
  afterMs: number;
  act: Act;
}

export interface ChaosSchedule {
  seed: number;
  /** Who is there from the beginning. */
  workers: string[];
  moments: Moment[];
}

export const coordinatorName = 'coordinator';

/** A worker counts as dead after three and a half of these. */
export const heartbeatMs = 400;

export interface Extent {
  /** Of the whole run. */
  steps: number;
  fewest: number;
  most: number;
  /** Also, seldom, outages so long that the broker misses AMQP's own heartbeats: half a minute. */
  long: boolean;
}

export const fullExtent: Extent = { steps: 80, fewest: 5, most: 10, long: true };

type Kind = Act['type'];
/** How often which act is drawn. */
const weights: readonly (readonly [Kind, number])[] = [
  ['kill', 4],
  ['freeze', 5],
  ['cut', 4],
  ['slow', 2],
  ['join', 3],
  ['drain', 2],
  ['kill_coordinator', 3],
  ['restart_broker', 1],
];

/** Pure: the same seed gives the same schedule. There is always a worker, at the latest when the last act is over. */
export function drawSchedule(seed: number, extent: Extent = fullExtent): ChaosSchedule {
  const random = createRandom(seed, 1);
  const count = 1 + random.below(4);
  const workers = Array.from({ length: count }, (_, i) => `worker-${i + 1}`);
  const drawing: Drawing = {
    random,
    here: [...workers],
    gone: [],
    named: count,
    broker: 'untouched',
    long: extent.long,
  };
  const moments: Moment[] = [];
  const acts = extent.fewest + random.below(extent.most - extent.fewest + 1);
  // Ascending, and none in the last steps: what is done then is done to nobody.
  const steps = Array.from({ length: acts }, () => 1 + random.below(Math.floor(extent.steps * 0.8)));
  for (const step of steps.toSorted((a, b) => a - b)) {
    const afterMs = random.below(2) === 0 ? 0 : random.below(500);
    for (const act of drawActs(drawing)) moments.push({ step, afterMs, act });
  }
  return { seed, workers, moments };
}

interface Drawing {
  random: Random;
  here: string[];
  /** Killed ones, whose names may come back. */
  gone: string[];
  named: number;
  broker: 'untouched' | 'restarted';
  long: boolean;
}

function drawActs(drawing: Drawing): Act[] {
  const { random, here } = drawing;
  const kind = drawKind(drawing);
  switch (kind) {
    case 'kill': {
      const worker = takeOne(drawing);
      drawing.gone.push(worker);
      const kill: Act = { type: 'kill', worker };
      return here.length > 0 ? [kill] : [kill, join(drawing)];
    }
    case 'drain': {
      const worker = takeOne(drawing);
      const drain: Act = { type: 'drain', worker, by: random.below(2) === 0 ? 'signal' : 'command' };
      return here.length > 0 ? [drain] : [join(drawing), drain];
    }
    case 'freeze':
      return [{ type: 'freeze', who: anybody(drawing), forMs: outageMs(drawing) }];
    case 'cut': {
      const how = random.below(2) === 0 ? 'reset' : 'silent';
      return [{ type: 'cut', who: anybody(drawing), how, forMs: outageMs(drawing) }];
    }
    case 'slow': {
      const bytesPerSecond = 20_000 * 2 ** random.below(5);
      const forMs = 2_000 + random.below(4_000);
      return [{ type: 'slow', who: anybody(drawing), bytesPerSecond, forMs }];
    }
    case 'join':
      return [join(drawing)];
    case 'kill_coordinator':
      return [{ type: 'kill_coordinator', againAfterMs: random.below(3_000) }];
    case 'restart_broker':
      drawing.broker = 'restarted';
      return [{ type: 'restart_broker', hard: random.below(2) === 0, downMs: random.below(2_000) }];
    default:
      throw new TypeError(`Not a kind of act: ${JSON.stringify(kind satisfies never)}`);
  }
}

/** Once per schedule for the broker, which takes seconds to start; at most six workers on one machine. */
function drawKind({ random, broker, here }: Drawing): Kind {
  const possible = weights.filter(
    ([kind]) =>
      !(kind === 'restart_broker' && broker === 'restarted') && !(kind === 'join' && here.length >= 6),
  );
  let at = random.below(possible.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [kind, weight] of possible) {
    if (at < weight) return kind;
    at -= weight;
  }
  return 'freeze';
}

/** As often shorter as longer than what the coordinator notices. */
function outageMs({ random, long }: Drawing): number {
  const noticedMs = 3.5 * heartbeatMs;
  const which = random.below(10);
  if (which < 5) return random.below(Math.round(0.8 * noticedMs));
  if (which < 9 || !long) return Math.round(noticedMs * (1.2 + 2 * random.float()));
  return 22_000 + random.below(8_000);
}

function takeOne({ random, here }: Drawing): string {
  const [worker = ''] = here.splice(random.below(here.length), 1);
  return worker;
}

function anybody({ random, here }: Drawing): string {
  const all = [...here, coordinatorName];
  return all[random.below(all.length)] ?? coordinatorName;
}

/** Somebody new, or one that was killed and is started again. */
function join(drawing: Drawing): Act {
  const { random, gone, here } = drawing;
  const again = gone.length > 0 && random.below(2) === 0 ? gone.shift() : undefined;
  const worker = again ?? `worker-${++drawing.named}`;
  here.push(worker);
  return { type: 'join', worker };
}

const during = (forMs: number): string => `for ${(forMs / 1000).toFixed(1)} s`;

/** For the timeline. */
export function describeAct(act: Act): string {
  switch (act.type) {
    case 'kill':
      return `kill -9 of ${act.worker}`;
    case 'freeze':
      return `SIGSTOP of ${act.who} ${during(act.forMs)}`;
    case 'cut':
      return `${act.who} is cut off (${act.how}) ${during(act.forMs)}`;
    case 'slow':
      return `the link of ${act.who} has ${act.bytesPerSecond / 1000} kB/s ${during(act.forMs)}`;
    case 'join':
      return `${act.worker} joins`;
    case 'drain':
      return `${act.worker} is drained by ${act.by === 'signal' ? 'SIGTERM' : '`onko drain`'}`;
    case 'kill_coordinator':
      return `kill -9 of the coordinator, --resume after ${(act.againAfterMs / 1000).toFixed(1)} s`;
    case 'restart_broker':
      return `the broker ${act.hard ? 'breaks down' : 'is restarted'}, away ${during(act.downMs)}`;
    default:
      throw new TypeError(`Not an act: ${JSON.stringify(act satisfies never)}`);
  }
}
