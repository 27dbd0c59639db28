/** Numerics only: knows no queue, no file, no process, no clock. Reads from a spec to a model, its plan, and what trains it. */
export { chunkValues, type Encoding, encodedBytes, encodedFinite } from './encodings.js';
export { fingerprint } from './fingerprint.js';
export { allFinite, clipGradientNorm, euclideanNorm, scaleGradient } from './gradients.js';
export {
  cellSize,
  meshCells,
  meshNodes,
  row as augmentationRow,
  rowLength as augmentationRowLength,
  scratchLength as augmentationScratch,
} from './kernels/augmentation-row.js';
export { type Kernels, KernelsUnavailableError, LANES } from './kernels/kernels.js';
export { referenceKernels } from './kernels/reference/reference.js';
export type { UpdateKernels } from './kernels/reference/update.js';
export { availableKernels, resolveKernels } from './kernels/resolve.js';
export {
  createLocalTraining,
  type LocalTraining,
  type LocalTrainingSpec,
  parseLocalTraining,
} from './local-training.js';
export type { Tally } from './loss.js';
export { cos, exp, integerPower, log, sin, tanh } from './math.js';
export { buildModel, initialParameters, type Model, type ModelLayer } from './model.js';
export { namedSpecs } from './named-specs.js';
export * from './optimizer.js';
export type { ParameterTensor } from './parameter-tensor.js';
export {
  type Batch,
  BatchError,
  createPlan,
  type DropoutKey,
  type InputScaling,
  type Plan,
  type PlanOptions,
} from './plan.js';
export type { PlanMemory } from './plan-buffers.js';
export { createRandom, permutation, philox, type Random, streamWords } from './rng.js';
export * from './schedule.js';
export {
  addSparse,
  decodeSparse,
  encodeSparse,
  keptValues,
  type SparseForm,
  type SparseValues,
} from './sparse.js';
export {
  type InitScheme,
  type LayerSpec,
  type ModelSpec,
  parseModelSpec,
  type Shape,
  SpecError,
} from './spec.js';
export * from './state-dict.js';
export { averageStatistics, type RunningStatistics, updateStatistics } from './statistics.js';
export { balancedWeights, type LossSpec, lossTargets } from './targets.js';
export { applyTemperature, fitTemperature } from './temperature.js';
export { type Addend, createTreeSum, type TreeSum } from './tree-sum.js';
export {
  createVectorPool,
  type StoredVector,
  type VectorPool,
  type VectorStore,
} from './vector-pool.js';
