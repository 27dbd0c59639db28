export type { Coordinator, CoordinatorConfig, Progress, RunSummary } from './config.js';
export { startCoordinator } from './coordinator.js';
export {
  CheckpointError,
  ResumeMismatchError,
  RunFolderError,
  RunStoppedError,
  TrainingSpecError,
} from './errors.js';
export { canonicalJson, parseTrainingSpec, type TrainingSpec } from './spec.js';
