import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { frame } from './frame.js';
import { curves, figure, row, table } from './parts.js';
import { rate } from './promql.js';

/** How far is it, how good is it, how fast is it. */
export function trainingDashboard(): Dashboard {
  return frame({
    uid: 'onko-training',
    title: 'Onko: training',
    description: 'Throughput, scaling, loss, accuracy and time left of one run.',
    workers: false,
  })
    .withPanel(
      figure({
        title: 'Phase',
        description: 'What the run is doing: gathering workers, training, evaluating, or over.',
        unit: 'none',
        named: true,
        queries: [{ expr: 'onko_run_phase{run="$run"} == 1', legend: '{{phase}}' }],
      }),
    )
    .withPanel(
      figure({
        title: 'Done',
        description: 'Steps done of all steps of the run.',
        unit: 'percentunit',
        min: 0,
        max: 1,
        decimals: 1,
        queries: [{ expr: 'onko_step{run="$run"} / onko_total_steps{run="$run"}', legend: 'done' }],
      }),
    )
    .withPanel(
      figure({
        title: 'Time left',
        description: 'At the mean pace of this coordinator.',
        unit: 'dtdurations',
        queries: [{ expr: 'onko_eta_seconds{run="$run"}', legend: 'left' }],
      }),
    )
    .withPanel(
      figure({
        title: 'Throughput',
        description: 'Training images whose gradients were accepted, per second.',
        unit: 'img/s',
        decimals: 0,
        queries: [
          {
            expr: `sum(${rate('onko_images_total', '{run="$run",mode="train"}')})`,
            legend: 'training',
          },
        ],
      }),
    )
    .withPanel(
      figure({
        title: 'Validation accuracy',
        description: 'Share of correct answers on the validation samples, after the last epoch.',
        unit: 'percentunit',
        decimals: 2,
        queries: [{ expr: 'onko_accuracy{run="$run",split="validation"}', legend: 'validation' }],
      }),
    )
    .withPanel(
      figure({
        title: 'Workers',
        description: 'Workers that take part. None: the run waits, and loses nothing.',
        unit: 'none',
        limits: { warn: 1, bad: 0.5 },
        queries: [{ expr: 'onko_workers{run="$run"}', legend: 'workers' }],
      }),
    )
    .withRow(row('Speed'))
    .withPanel(
      curves({
        title: 'Throughput',
        description: 'Images whose results were accepted per second, in training and in validation.',
        unit: 'img/s',
        min: 0,
        queries: [
          {
            expr: `sum by (mode) (${rate('onko_images_total')})`,
            legend: '{{mode}}',
          },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Scaling efficiency',
        description:
          'Share of the workers’ threads’ time that they compute. What is missing is waiting: for weights, for blocks, for one another. More microshards, a larger batch or fewer threads raise it.',
        unit: 'percentunit',
        min: 0,
        max: 1,
        limits: { warn: 0.8, bad: 0.5 },
        queries: [
          {
            expr: `sum(${rate('onko_worker_busy_seconds_total')}) / sum(onko_worker_threads{run="$run"})`,
            legend: 'computing',
          },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Throughput per thread',
        description:
          'Training images per second and compute thread: level while adding workers means that they all help.',
        unit: 'img/s',
        min: 0,
        queries: [
          {
            expr: `sum(${rate('onko_images_total', '{run="$run",mode="train"}')}) / sum(onko_threads{run="$run"})`,
            legend: 'per thread',
          },
        ],
      }),
    )
    .withPanel(
      curves({
        title: 'Step time',
        description:
          'From opening a training step to its updated parameters: the median, and what 95 % of the steps stay below.',
        unit: 's',
        min: 0,
        width: 12,
        queries: [0.5, 0.95].map((quantile) => ({
          expr: `histogram_quantile(${quantile}, sum by (le) (${rate('onko_step_seconds_bucket')}))`,
          legend: `${100 * quantile} %`,
        })),
      }),
    )
    .withPanel(
      curves({
        title: 'Time left',
        description: 'The estimate over time: a straight line down is a steady run.',
        unit: 's',
        min: 0,
        width: 12,
        queries: [{ expr: 'onko_eta_seconds{run="$run"}', legend: 'left' }],
      }),
    )
    .withRow(row('Learning'))
    .withPanel(
      curves({
        title: 'Loss',
        description:
          'Mean cross-entropy: of the last step, and of the last validation. Validation that rises while training falls is overfitting.',
        unit: 'nats',
        min: 0,
        width: 12,
        queries: [{ expr: 'onko_loss{run="$run"}', legend: '{{split}}' }],
      }),
    )
    .withPanel(
      curves({
        title: 'Accuracy',
        description: 'Share of correct answers: of the last step, and of the last validation.',
        unit: 'percentunit',
        max: 1,
        width: 12,
        queries: [{ expr: 'onko_accuracy{run="$run"}', legend: '{{split}}' }],
      }),
    )
    .withPanel(
      curves({
        title: 'Learning rate',
        description: 'As the schedule has it, of the last step.',
        unit: 'sci',
        min: 0,
        queries: [{ expr: 'onko_learning_rate{run="$run"}', legend: 'learning rate' }],
      }),
    )
    .withPanel(
      curves({
        title: 'Gradient norm',
        description:
          'L2 norm of the averaged gradient before clipping. Leaps come before a loss that runs away: lower --lr, or --clip.',
        unit: 'short',
        min: 0,
        queries: [{ expr: 'onko_gradient_norm{run="$run"}', legend: 'norm' }],
      }),
    )
    .withPanel(
      table({
        title: 'The run',
        description: 'What is trained, and what the coordinator is.',
        width: 8,
        by: 'run',
        queries: [
          { expr: 'onko_run_info{run="$run"}', legend: '' },
          { expr: 'onko_kernels_info{run="$run"}', legend: '' },
          { expr: 'onko_fence{run="$run"}', legend: '' },
        ],
        columns: [
          { field: 'run', name: 'run' },
          { field: 'model', name: 'model' },
          { field: 'optimizer', name: 'optimizer' },
          { field: 'backend', name: 'kernels' },
          { field: 'numerics_id', name: 'numerics' },
          { field: 'Value #C', name: 'starts' },
        ],
      }),
    )
    .build();
}
