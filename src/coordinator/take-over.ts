import type { CoordinatorLink } from '../transport/index.js';
import { pauseFor, RunTakenError, realTimers } from '../transport/index.js';
import type { CoordinatorConfig } from './config.js';
import { readFence, writeFence } from './run-dir.js';

/** The other coordinator looks at its fence every two seconds, and may be in the middle of a write. */
const patienceMs = 30_000;
const retryMs = 500;

/** Raises the fence on disk: the coordinator that has the run sees it, writes nothing more, and ends. */
export async function fenceOff(config: CoordinatorConfig): Promise<void> {
  const fence = await readFence(config.outDir, config.files);
  if (fence === 0) return; // Nobody has begun yet.
  await writeFence(config.outDir, fence + 1, config.files);
  config.log.info(`Taking over the run in ${config.outDir}: whoever coordinates it now is asked to end.`);
}

/** Opens the run as soon as the other one has let go of it. RunTakenError if it does not. */
export async function openWhenFree(
  config: CoordinatorConfig,
  o: { run: string; fence: number },
): Promise<CoordinatorLink> {
  const now = config.now ?? (() => performance.now());
  const startMs = now();
  for (;;) {
    try {
      return await config.transport.openCoordinator(o);
    } catch (error) {
      if (!(error instanceof RunTakenError)) throw error;
      if (now() - startMs < patienceMs) {
        await pauseFor(config.timers ?? realTimers, retryMs);
        continue;
      }
      throw new RunTakenError(
        o.run,
        `The coordinator of run ${o.run} did not end within ${patienceMs / 1000} s. It does not see this run folder, so it must be stopped where it runs; then go on with --resume.`,
      );
    }
  }
}
