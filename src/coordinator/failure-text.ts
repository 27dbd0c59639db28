import { OutputError } from '../store/index.js';
import type { FailCause } from './decide/actions.js';
import { seconds } from './decide/waiting.js';
import { RunStoppedError } from './errors.js';
import { window } from './loss-trend.js';

/** Sample names that one message lists before it counts the rest. */
const named = 8;

/** The first `count` names, and how many more there are. */
export function listSamples(samples: readonly string[], count: number): string {
  const more = samples.length > count ? ` and ${samples.length - count} more` : '';
  return `${samples.slice(0, count).join(', ')}${more}`;
}

/** What the user is told when the decider ends a run. `samples`: names of those in the block at fault. */
export function runStopped(cause: FailCause, samples: readonly string[]): RunStoppedError | OutputError {
  switch (cause.type) {
    case 'quarantine': {
      const { unit, failures } = cause;
      const workers = new Set(failures.map(({ worker }) => worker));
      const who =
        workers.size === 1 ? 'again and again on one worker' : `on ${workers.size} different workers`;
      const why = failures.map(({ worker, reason }) => `${worker}: ${reason.replace(/\.$/, '')}`).join('; ');
      return new RunStoppedError(
        `Block ${unit.node} of step ${unit.step} failed ${who} (${why}), so the run stops. Its ${samples.length} samples: ${listSamples(samples, named)}. Look at them and at the workers' logs, then go on with --resume.`,
        { samples },
      );
    }
    case 'not_finite':
      return new RunStoppedError(
        `The training diverged: the loss, the gradient or the parameters of step ${cause.step} are not finite. Start anew with a lower learning rate (--lr) or with gradient clipping.`,
      );
    case 'disputed':
      return new RunStoppedError(
        `Workers ${cause.workers.join(' and ')} give different results for block ${cause.unit.node} of step ${cause.unit.step}, again and again, and no further worker came within ${seconds(cause.waitedMs)} to decide which machine computes wrongly, so the run stops. Nothing of the block was used. Check memory and processor of both, or start three workers, then go on with --resume.`,
      );
    case 'unsaved':
      return new OutputError(
        `${cause.reason} So the run was stopped after step ${cause.step} without its last checkpoint: make room, and --resume computes again what came after the one before.`,
      );
    case 'diverged':
      return new RunStoppedError(
        `The training diverged: over the last ${window} steps, up to step ${cause.step}, the mean loss was far above its best (now ${cause.mean.toPrecision(4)}, best ${cause.best.toPrecision(4)}, see --divergence), so the run stops. Its last checkpoint is from before that. Start anew with a lower learning rate (--lr) or with gradient clipping (--clip 1); --resume --divergence none goes on regardless.`,
        { keep: false },
      );
    case 'no_workers':
      return new RunStoppedError(
        `No training without workers: ${cause.ready} of ${cause.needed} were ready after ${seconds(cause.waitedMs)}${cause.rangesFree === 0 ? '' : `, and ${cause.rangesFree} more reducers were needed`}, so the run stops. Start ${cause.rangesFree === 0 ? 'workers' : 'what is missing'}, then go on with --resume.`,
      );
    default:
      return cause satisfies never;
  }
}
