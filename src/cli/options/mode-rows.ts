import * as kind from './kinds.js';
import { grouped } from './table.js';

const mode = grouped('Mode');

/** Other algorithms than one update per batch, with less to send; docs/modes.md compares them. */
export const modeRows = {
  mode: mode.value(
    kind.choice(['exact', 'local-sgd', 'async'], 'MODE'),
    'exact',
    "exact: one update per batch; local-sgd: replicas train by themselves and meet every --local-steps steps; async: each batch is one worker's, and applied when its gradient comes. async is not bit-identical: depends on the order of arrival",
  ),
  staleness: mode.value(
    kind.integer({ min: 0, max: 4096 }),
    8,
    'in async: updates that a gradient may miss; one that misses more is not used, and its batch is computed again on newer weights',
  ),
  localSteps: mode.value(
    kind.integer({ min: 1, max: 65_536 }),
    16,
    'in local-sgd: steps of a replica between two averagings',
  ),
  replicas: mode.optional(
    kind.integer({ min: 1, max: 4096 }),
    'as many as --microshards',
    'in local-sgd: replicas, a power of two; each takes an equal part of --batch, a multiple of 16, and at most so many threads work at once',
  ),
  outerLr: mode.value(kind.decimal({ above: 0 }), 1, 'in local-sgd: learning rate of the outer optimizer'),
  outerMomentum: mode.value(
    kind.decimal({ min: 0, max: 0.999 }),
    0.5,
    'in local-sgd: Nesterov momentum of the outer optimizer',
  ),
  weightsDtype: mode.value(
    kind.choice(['f32', 'bf16'], 'TYPE'),
    'f32',
    'what parameters are rounded to before workers get them: bf16 is half the bytes; the model stays f32',
  ),
  gradients: mode.value(
    kind.choice(['f32', 'fp16', 'int8', 'topk'], 'TYPE'),
    'f32',
    'what the gradient of each block becomes before it is sent: fp16 is half the bytes, int8 a quarter; topk: its largest values alone, with error feedback, and then the bits of the run depend on the cluster',
  ),
  gradientDensity: mode.value(
    kind.decimal({ above: 0, max: 1 }),
    0.03,
    'with --gradients topk: share of the values of a gradient that is sent, k / n',
  ),
  gradientBlocks: mode.optional(
    kind.integer({ min: 1, max: 4096 }),
    'as many as workers are waited for at the start, at least 2',
    'with --gradients fp16, int8 or topk: blocks that a step is always cut into, a power of two; further threads have nothing to do',
  ),
} as const;
