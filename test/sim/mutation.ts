import { decide as decideCoordinator } from '../../src/coordinator/decide/decide.js';
import { createStepWork } from '../../src/coordinator/step-work.js';
import type { FileOperations } from '../../src/store/index.js';
import { decide as decideWorker } from '../../src/worker/decide.js';
import { type OptionName, withOptions } from './options.js';
import { type Schedule, withStops } from './schedule.js';

/** The rules that a simulated cluster follows. The true ones, or some with a bug in them to see that it is found. */
export interface Mutation {
  name: string;
  decideCoordinator: typeof decideCoordinator;
  decideWorker: typeof decideWorker;
  createStepWork: typeof createStepWork;
  filesOf: (files: FileOperations) => FileOperations;
  /** What is made of the schedule that the seed gives, without the options and stops that are drawn beside it. */
  stage: (schedule: Schedule) => Schedule;
}

export const unchanged: Mutation = {
  name: 'none',
  decideCoordinator,
  decideWorker,
  createStepWork,
  filesOf: (files) => files,
  stage: (schedule) => withStops(withOptions(schedule)),
};

/** The true rules, in runs that have an option. */
export const always = (option: OptionName): Mutation => ({
  ...unchanged,
  stage: (schedule) => withStops(withOptions(schedule, option)),
});
