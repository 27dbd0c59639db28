import type { Pack } from '../data/index.js';
import { balancedWeights, type LossSpec, lossTargets } from '../engine/index.js';
import type { RunOffer } from '../protocol/index.js';
import type { Curriculum } from './curriculum.js';
import { localTrainingOf, type TrainingSpec } from './spec.js';

export type Instructions = Pick<
  RunOffer,
  'augmentationJson' | 'lossJson' | 'localTrainingJson' | 'gradientEncoding'
>;

/** The parts of the training spec that workers compute by; balanced weights are counted out over the training samples. */
export function instructionsOf(
  spec: TrainingSpec,
  pack: Pick<Pack, 'labels'>,
  curriculum: Pick<Curriculum, 'trainIndices' | 'totalSteps'>,
  classes: number,
): Instructions {
  const { augmentation, labelSmoothing, classWeights } = spec;
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
    gradientEncoding: spec.gradients?.type ?? 'f32',
  };
}
