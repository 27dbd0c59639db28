import type { BatchNormDims } from '../kernels/kernels.js';
import type { LayerSpec, Shape } from '../spec.js';
import type { LayerBuffers, LayerDesign, Pass } from './layer.js';

/**
 * y = (x − mean)/√(variance + ε) · w + b, per channel (Ioffe, Szegedy, "Batch Normalization", 2015); a flat vector is n channels.
 *
 * In training, mean and variance are those of the group: the up to sixteen images that go through the model together, over all
 * their positions. Else they are the running ones, which are no parameters that are learnt: every group adds to their places
 * in the gradient how far its own values lie from them, and `updateStatistics` moves them once per step.
 */
export function batchNorm2d(spec: Extract<LayerSpec, { type: 'batchnorm2d' }>, input: Shape): LayerDesign {
  const { epsilon = 1e-5, momentum = 0.1 } = spec;
  const { channels, height, width } = input;
  const dims: BatchNormDims = { channels, area: height * width };
  const each = { shape: [channels], fanIn: 1, fanOut: 1 };
  return {
    output: input,
    parameters: [
      { role: 'weight', start: 1, ...each },
      { role: 'bias', ...each },
      { role: 'running_mean', ...each },
      { role: 'running_var', start: 1, ...each },
    ],
    statistics: { momentum, area: dims.area },
    storage: 'own',
    backwardReads: 'input',
    bind: (kernels) => {
      const scratch = kernels.allocate(4 * channels);
      /** [2C] each: means and inverse deviations in use, and the sums of the backward pass. */
      const statistics = scratch.subarray(0, 2 * channels);
      const sums = scratch.subarray(2 * channels);
      const measure = ({ x, mean, dMean, dVariance }: LayerBuffers, lanes: number): void => {
        kernels.batchNormStatistics(statistics, x, lanes, dims);
        for (let c = 0; c < channels; c++) {
          // Around the running mean, which everybody knows: so the sums over groups and workers lose nothing to a large mean.
          const off = statistics[c] - mean[c];
          dMean[c] += lanes * off;
          dVariance[c] += lanes * (statistics[channels + c] + off * off);
          statistics[channels + c] = inverseDeviation(statistics[channels + c], epsilon);
        }
      };
      const recall = ({ mean, variance }: LayerBuffers): void => {
        for (let c = 0; c < channels; c++) {
          statistics[c] = mean[c];
          statistics[channels + c] = inverseDeviation(variance[c], epsilon);
        }
      };
      return {
        scratch,
        forward: (buffers, pass: Pass) => {
          if (pass.training) measure(buffers, pass.lanes);
          else recall(buffers);
          const { y, x, w, b } = buffers;
          kernels.batchNormForward(y, x, w, b, statistics, dims);
        },
        backward: ({ dx, dw, db, dy, x, w }, { lanes }: Pass) => {
          kernels.batchNormBackwardParameters(dw, db, sums, x, dy, statistics, lanes, dims);
          if (dx !== null) kernels.batchNormBackwardInput(dx, x, dy, w, statistics, sums, lanes, dims);
        },
      };
    },
  };
}

const inverseDeviation = (variance: number, epsilon: number): number => 1 / Math.sqrt(variance + epsilon);
