import type { Pack } from '../data/index.js';
import { balancedWeights, keptValues, type LossSpec, lossTargets, type Model } from '../engine/index.js';
import type { RunOffer } from '../protocol/index.js';
import type { Curriculum } from './curriculum.js';
import { localTrainingOf, type TrainingSpec } from './spec.js';

export type Instructions = Pick<
  RunOffer,
  'augmentationJson' | 'lossJson' | 'localTrainingJson' | 'gradientEncoding' | 'gradientsKept'
>;

/** The parts of the training spec that workers compute by; balanced weights are counted out over the training samples. */
export function instructionsOf(
  spec: TrainingSpec,
  pack: Pick<Pack, 'labels'>,
  curriculum: Pick<Curriculum, 'trainIndices' | 'totalSteps'>,
  { classes, learntCount }: Pick<Model, 'classes' | 'learntCount'>,
): Instructions {
  const { augmentation, labelSmoothing, classWeights, gradients } = spec;
  const loss: LossSpec = {};
  if (labelSmoothing !== undefined) loss.labelSmoothing = labelSmoothing;
  if (classWeights === 'balanced') {
    const labels = curriculum.trainIndices.map((index) => pack.labels[index]);
    loss.classWeights = balancedWeights(labels, classes);
  } else if (classWeights !== undefined) loss.classWeights = classWeights;
  const plain = Object.keys(loss).length === 0;
  // Checked here, so that the run is refused and not each of its workers.
  if (!plain) lossTargets(classes, loss);
  const local = localTrainingOf(spec, curriculum.totalSteps);
  return {
    augmentationJson: augmentation === undefined ? '' : JSON.stringify(augmentation),
    lossJson: plain ? '' : JSON.stringify(loss),
    localTrainingJson: local === null ? '' : JSON.stringify(local),
    gradientEncoding: gradients?.type ?? 'f32',
    gradientsKept: gradients?.type === 'topk' ? keptValues(gradients.density, learntCount) : 0,
  };
}
