import { TrainingSpecError } from '../../src/coordinator/index.js';
import { reducedRanges } from '../../src/coordinator/reduced-sums.js';
import { checkAudits } from '../../src/coordinator/spec.js';
import { buildModel, createRandom, type Random } from '../../src/engine/index.js';
import { pick, type Schedule, unreduced } from './schedule.js';
import { type OptionChoice, specOf } from './spec.js';

/** What becomes of a schedule that has it. */
type Option = (schedule: Schedule, random: Random) => Schedule;

const gradients: Option = (schedule, random) => {
  const type = pick(random, ['fp16', 'int8', 'topk'] as const);
  // An asynchronous batch is one block.
  const blocks = schedule.world.staleness === null ? pick(random, [1, 2, 4]) : 1;
  const density = pick(random, [0.2, 0.6]);
  return having(schedule, {
    gradients: type === 'topk' ? { type, density, reproducible: false, blocks } : { type, blocks },
  });
};

/** A run has one mode. */
const localSgd: Option = (schedule, random) => {
  const world = { ...schedule.world, staleness: null };
  return having({ ...schedule, world }, { localSteps: 2 + random.below(2) });
};

/** One epoch in which the validation is not better is too many; so there are some. */
const patience: Option = (schedule) => {
  const world = { ...schedule.world, stepsPerEpoch: 2, epochs: 4 };
  return having({ ...schedule, world }, { patience: 1 });
};

/** With how likely each is: a third of all runs are plain. */
const options: readonly [share: number, option: Option][] = [
  [0.25, (schedule, random) => having(schedule, { averaging: { decay: pick(random, [0.5, 0.99]) } })],
  [0.2, (schedule) => having(schedule, { weightsDtype: 'bf16' })],
  [0.3, gradients],
  [0.12, localSgd],
  [0.1, (schedule) => having(schedule, { keep: 'best' })],
  [0.1, patience],
];

/** The schedule with options of its seed, one after the other, as far as Onko takes them together. */
export function withOptions(schedule: Schedule): Schedule {
  const random = createRandom(schedule.seed, 7);
  let drawn = schedule;
  for (const [share, option] of options) {
    const isIn = random.float() < share;
    const more = option(drawn, random);
    if (isIn) drawn = inPlaceOf(more).find(isAllowed) ?? drawn;
  }
  return drawn;
}

/** The same with an option, whatever was drawn. */
export function having(schedule: Schedule, choice: OptionChoice): Schedule {
  return { ...schedule, world: { ...schedule.world, options: { ...schedule.world.options, ...choice } } };
}

/** Beside all there is; else in the place of audits, of reducers, or of all that it may not stand beside. */
function inPlaceOf(schedule: Schedule): Schedule[] {
  const unaudited = { ...schedule, auditShare: 0 };
  const bare = unreduced(unaudited);
  return [schedule, unaudited, unreduced(schedule), bare, { ...bare, world: { ...bare.world, delay: 0 } }];
}

/** As a coordinator takes it. */
function isAllowed({ world, auditShare, reducers }: Schedule): boolean {
  try {
    const spec = specOf(world);
    checkAudits(spec, auditShare);
    reducedRanges(spec, buildModel(spec.model).parameterCount, reducers);
    return true;
  } catch (error) {
    if (error instanceof TrainingSpecError) return false;
    throw error;
  }
}
