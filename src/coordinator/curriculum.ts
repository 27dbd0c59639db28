import { epochOrder, type PackManifest, splitIndices } from '../data/index.js';
import { samplesOfBlock } from './cut.js';
import type { UnitKey } from './decide/actions.js';
import { TrainingSpecError } from './errors.js';
import { evaluationLeafSamples, leafSamples, stepSamples, type TrainingSpec } from './spec.js';

/** Which samples belong to which block of which step: a function of spec and data alone. */
export interface Curriculum {
  trainSamples: number;
  /** Of the samples that are trained on, ascending. */
  trainIndices: Uint32Array;
  validationSamples: number;
  /** Of the samples that are validated on, ascending. */
  validationIndices: Uint32Array;
  /** Of a full leaf in validation. */
  evaluationLeafSamples: number;
  stepsPerEpoch: number;
  totalSteps: number;
  /** Sample indices of a block, in leaf order; a fresh array. */
  samplesOf(unit: UnitKey): Uint32Array;
}

export function createCurriculum(spec: TrainingSpec, manifest: PackManifest): Curriculum {
  const { train, validation } = split(spec, manifest);
  if (train.length === 0) {
    throw new TrainingSpecError('No training samples are left: the validation takes them all.');
  }
  const full = stepSamples(spec);
  const perLeafOf = { train: leafSamples(spec), evaluate: evaluationLeafSamples(spec, validation.length) };
  const stepsPerEpoch = Math.ceil(train.length / full);
  let cached: { epoch: number; order: Uint32Array } | null = null;
  const orderOf = (epoch: number): Uint32Array => {
    if (cached?.epoch !== epoch) cached = { epoch, order: epochOrder(train, spec.seed, epoch) };
    return cached.order;
  };
  return {
    trainSamples: train.length,
    trainIndices: train,
    validationSamples: validation.length,
    validationIndices: validation,
    evaluationLeafSamples: perLeafOf.evaluate,
    stepsPerEpoch,
    totalSteps: stepsPerEpoch * spec.epochs,
    samplesOf({ mode, step, pass, node }) {
      const training = mode === 'train';
      const order = training ? orderOf(Math.floor(step / stepsPerEpoch)) : validation;
      const perLeaf = perLeafOf[mode];
      const whole = perLeaf * spec.microshards;
      const from = (training ? step % stepsPerEpoch : pass - 1) * whole;
      const count = Math.min(whole, order.length - from);
      const block = samplesOfBlock(node, spec.microshards, perLeaf, count);
      return order.slice(from + block.first, from + block.first + block.count);
    },
  };
}

function split(spec: TrainingSpec, manifest: PackManifest): { train: Uint32Array; validation: Uint32Array } {
  if (spec.validate !== null) return splitIndices(manifest, spec.validate, spec.seed);
  return {
    train: Uint32Array.from({ length: manifest.sampleCount }, (_, i) => i),
    validation: new Uint32Array(0),
  };
}
