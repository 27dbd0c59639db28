export type { ReducerConfig, ReducerSummary, RunningReducer } from './config.js';
export { startReducer } from './reducer.js';
