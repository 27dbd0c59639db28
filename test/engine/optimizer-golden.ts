import { readFileSync } from 'node:fs';
import type { OptimizerSpec, ScheduleSpec } from '../../src/engine/index.js';

interface Golden {
  start: number[];
  /** [step][parameter] */
  gradients: number[][];
  learningRates: number[];
  /** after[step][parameter] */
  optimizers: { spec: OptimizerSpec; after: number[][] }[];
  schedules: { spec: ScheduleSpec; learningRate: number; totalSteps: number; rates: number[] }[];
  clipping: { gradient: number[]; cases: { maxNorm: number; norm: number; clipped: number[] }[] };
}

/** From PyTorch, by test/fixtures/engine/make_optimizer_golden.py. */
export const golden: Golden = JSON.parse(
  readFileSync(new URL('../fixtures/engine/optimizer-golden.json', import.meta.url), 'utf8'),
);
