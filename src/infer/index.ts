export { type Calibration, type ConfidenceBin, calibrate, wilsonInterval } from './calibration.js';
export { batchSize, type ClassifiedPaths, classifyPaths } from './classify-paths.js';
export { csvField, rejectsCsv } from './csv.js';
export { InferenceError } from './errors.js';
export { type ClassScore, type Evaluation, evaluatePredictions, guesses } from './evaluate.js';
export {
  createEncoder,
  type Encoder,
  encodeSorted,
  type Outcome,
  type OutputFormat,
  type Rejected,
} from './formats.js';
export { commonConfusions, type Mistake, worstMistakes } from './mistakes.js';
export { inBatches, pathBatches } from './path-batches.js';
export { classify, type Inference, type InferenceOptions, runInference, tempered } from './predict.js';
export { type Guess, type Prediction, rank } from './rank.js';
export { type ReportContent, renderReport } from './report/report.js';
export { writeReport } from './report/write-report.js';
export {
  checkOutput,
  type EvaluationFiles,
  metricsJson,
  type PredictionFiles,
  writeEvaluation,
  writePredictions,
  writeReview,
} from './reports.js';
export { doubtful, reviewCsv } from './review.js';
export { openService, type Service, type ServiceOptions } from './service/service.js';
export { alignColumns, formatCalibration, formatConfusion, formatScores } from './tables.js';
export { standardViews } from './views.js';
