/** The coordinator: one run, from its spec to its model. */
export type { Coordinator, CoordinatorConfig, RunSummary } from './config.js';
export { startCoordinator } from './coordinator.js';
export { chooseCut, threadsPerBlock } from './cut.js';
export type { Action, Decision, DispatchCause, FailCause, RejectReason, UnitKey } from './decide/actions.js';
export { decide } from './decide/decide.js';
export type { CoordinatorEvent, ResultHeader } from './decide/events.js';
export {
  type CoordinatorState,
  defaultPatience,
  initialState,
  type Patience,
  type Position,
  type RunPlan,
} from './decide/state.js';
export {
  CheckpointError,
  ResumeMismatchError,
  RunFolderError,
  RunStoppedError,
  TakenOverError,
  TrainingSpecError,
} from './errors.js';
export type { AsynchronousSgd, LocalSgd } from './mode.js';
export type { Progress } from './progress.js';
export { checkReducers } from './reduced-sums.js';
export { checkRunFolder } from './run-dir.js';
export {
  checkAudits,
  type GradientEncoding,
  isReproducible,
  parseTrainingSpec,
  type TrainingSpec,
} from './spec.js';
export type { RangeStatus, RunStatus, WorkerStatus } from './status.js';
export type { RunView } from './view/run-view.js';
