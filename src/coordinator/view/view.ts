import type { CoordinatorConfig } from '../config.js';
import type { Sums } from '../fold.js';
import type { HistoryRow } from '../history.js';
import type { PreparedRun } from '../prepare.js';
import type { Progress } from '../progress.js';
import type { RunStatus } from '../status.js';
import { createDoingMeter, type Spent } from './doing.js';
import { type Gallery, openGallery } from './gallery.js';
import type { Guess, RunView } from './run-view.js';
import { createThinned } from './thinned.js';

/** Remembers what a view shows. Without a viewer it does next to nothing. */
export interface Viewing {
  accepted(worker: string, spent: Spent): void;
  stepApplied(step: number, sums: Sums): void;
  epochRecorded(epoch: number, confusion: Uint32Array | null): void;
  /** At every event, with the seconds of the run. */
  observe(progress: () => Progress, seconds: number): void;
  view(status: RunStatus, progress: Progress, seconds: number, epochs: readonly HistoryRow[]): RunView;
}

const pointsKept = 240;
const paceEverySeconds = 0.5;

/** `now`: milliseconds */
export function createViewing(config: CoordinatorConfig, run: PreparedRun, now: () => number): Viewing {
  const isViewed = config.viewed === true;
  const course = createThinned(pointsKept);
  const pace = createThinned(pointsKept);
  const doing = createDoingMeter(now);
  let paceAtSeconds = 0;
  let validation: RunView['validation'] = null;
  /** Opened by the first epoch that is over. */
  let gallery: Gallery | null = null;
  let guesses: { epoch: number; list: Guess[] } | null = null;

  const guess = (epoch: number, parameters: Float32Array): void => {
    try {
      gallery ??= openGallery(run, config.pack, config.kernels);
      if (gallery !== null) guesses = { epoch, list: gallery.guess(parameters) };
    } catch (error) {
      // A picture that cannot be had must not cost a run.
      config.log.debug(`The samples of the view cannot be shown: ${String(error)}`);
    }
  };

  return {
    accepted(worker, spent) {
      if (isViewed) doing.accepted(worker, spent);
    },
    stepApplied(step, { samples, lossSum, correct }) {
      if (isViewed) course.add(step + 1, [lossSum / samples, correct / samples]);
    },
    epochRecorded(epoch, confusion) {
      if (!isViewed) return;
      if (confusion !== null) validation = { epoch, confusion };
      const parameters = run.trainer.parameters().slice();
      // Once the next step's blocks are on their way.
      setImmediate(() => guess(epoch, parameters));
    },
    observe(progress, seconds) {
      if (!isViewed || seconds - paceAtSeconds < paceEverySeconds) return;
      const { phase, imagesPerSecond } = progress();
      if (phase !== 'training' && phase !== 'evaluating') return;
      paceAtSeconds = seconds;
      if (imagesPerSecond > 0) pace.add(seconds, [imagesPerSecond]);
    },
    view(status, { threads }, seconds, epochs) {
      const { model, curriculum } = run;
      const { workers } = status;
      doing.keep(new Set(workers.map(({ worker }) => worker)));
      return {
        status,
        threads,
        doing: new Map(workers.map((row) => [row.worker, doing.of(row.worker, row.threads)])),
        seconds,
        epochs,
        course: course.points(),
        pace: pace.points(),
        validation,
        gallery: gallery === null || guesses === null ? null : galleryView(gallery, guesses),
        model: { name: model.spec.name, parameters: model.parameterCount },
        samples: { train: curriculum.trainSamples, validation: curriculum.validationSamples },
      };
    },
  };
}

function galleryView(
  { samples, width, height, channels }: Gallery,
  guesses: { epoch: number; list: Guess[] },
) {
  const seen = samples.map((sample, i) => ({ ...sample, ...guesses.list[i] }));
  return { epoch: guesses.epoch, width, height, channels, samples: seen };
}
