import { TrainingSpecError } from '../../src/coordinator/index.js';
import { reducedRanges } from '../../src/coordinator/reduced-sums.js';
import { checkAudits } from '../../src/coordinator/spec.js';
import { buildModel, createRandom, type Random } from '../../src/engine/index.js';
import { pick, type Schedule, unreduced } from './schedule.js';
import { type OptionChoice, specOf } from './spec.js';

/** What becomes of a schedule that has it. */
type Option = (schedule: Schedule, random: Random) => Schedule;

const gradients =
  (type: 'fp16' | 'int8' | 'topk'): Option =>
  (schedule, random) => {
    // An asynchronous batch is one block.
    const blocks = schedule.world.staleness === null ? pick(random, [1, 2, 4]) : 1;
    if (type !== 'topk') return having(schedule, { gradients: { type, blocks } });
    const density = pick(random, [0.2, 0.6]);
    return having(schedule, { gradients: { type, density, reproducible: false, blocks } });
  };

/** In the place of another mode. A leaf has more samples, but takes no longer: no block is slower than the others' slowest. */
const localSgd: Option = (schedule, random) => {
  const world = { ...schedule.world, staleness: null };
  const localSteps = 2 + random.below(2);
  return having({ ...schedule, world, microshardMs: schedule.microshardMs / localSteps }, { localSteps });
};

const best: Option = (schedule) =>
  having({ ...schedule, world: { ...schedule.world, validates: true } }, { keep: 'best' });

/** One epoch in which the validation is not better is too many; so there are some. */
const patience: Option = (schedule) => {
  const world = { ...schedule.world, validates: true, stepsPerEpoch: 2, epochs: 4 };
  return having({ ...schedule, world }, { patience: 1 });
};

/** Of more than four steps' samples, so that its leaves are larger than those of training. */
const longValidation: Option = (schedule) =>
  having({ ...schedule, world: { ...schedule.world, validates: true } }, { validate: { fraction: 0.7 } });

/** With how likely each is: three in ten runs have none. */
const options = {
  averaging: [
    0.25,
    (schedule, random) => having(schedule, { averaging: { decay: pick(random, [0.5, 0.99]) } }),
  ],
  bf16: [0.2, (schedule) => having(schedule, { weightsDtype: 'bf16' })],
  fp16: [0.1, gradients('fp16')],
  int8: [0.1, gradients('int8')],
  topk: [0.1, gradients('topk')],
  'local-sgd': [0.12, localSgd],
  best: [0.1, best],
  patience: [0.1, patience],
  'long-validation': [0.1, longValidation],
} as const satisfies Record<string, readonly [share: number, option: Option]>;

export type OptionName = keyof typeof options;
export const isOption = (name: string): name is OptionName => name in options;
export const optionNames = Object.keys(options).filter(isOption);

/** The schedule with options of its seed, one after the other, as far as Onko takes them together. `always`: with this one in any case. */
export function withOptions(schedule: Schedule, always: OptionName | null = null): Schedule {
  const random = createRandom(schedule.seed, 7);
  let drawn = schedule;
  for (const name of optionNames) {
    const [share, option] = options[name];
    const isDrawn = random.float() < share;
    const more = option(drawn, random);
    if (isDrawn || name === always) drawn = inPlaceOf(more).find(isAllowed) ?? drawn;
  }
  return drawn;
}

/** The same with an option, whatever was drawn. */
export function having(schedule: Schedule, choice: OptionChoice): Schedule {
  return { ...schedule, world: { ...schedule.world, options: { ...schedule.world.options, ...choice } } };
}

/** Beside all there is; else in the place of audits, of reducers, or of all that it might not stand beside. */
function inPlaceOf(schedule: Schedule): Schedule[] {
  const unaudited = { ...schedule, auditShare: 0 };
  const bare = unreduced(unaudited);
  const inOrder = { ...bare.world, delay: 0, staleness: null };
  return [schedule, unaudited, unreduced(schedule), bare, { ...bare, world: inOrder }];
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
