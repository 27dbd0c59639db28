import { expect } from 'vitest';
import { expectDone } from './expect-done.js';
import type { FaultRuns, RunningCoordinator } from './fault-run.js';
import type { RunningProgram } from './start-program.js';

/** A run with one worker that nothing happens to; → SHA-256 of its model. */
export async function quietRun(runs: FaultRuns, out: string, args: string[] = []): Promise<string> {
  const worker = await runs.worker('quiet', ['--once']);
  await expectDone(await runs.coordinator(out, args), worker);
  return runs.modelSha256(out);
}

/**
 * Kills the coordinator of a run in mid-epoch, while its only worker is halted, lets that one go on, and resumes the run with another
 * coordinator; → that, and after which step it goes on.
 */
export async function resumedRun(
  runs: FaultRuns,
  out: string,
  killed: { coordinator: RunningCoordinator; worker: RunningProgram },
  args: string[] = [],
): Promise<{ coordinator: RunningCoordinator; from: number }> {
  const step = await runs.haltAtCheckpoint(out, killed.coordinator, killed.worker);
  killed.coordinator.kill('SIGKILL');
  expect((await killed.coordinator.ended).signal).toBe('SIGKILL');
  killed.worker.kill('SIGCONT');
  const coordinator = await runs.coordinator(out, ['--resume', ...args]);
  const [, from] = await coordinator.says(/Going on with run \S+ after step (\d+)/);
  expect(Number(from)).toBeGreaterThanOrEqual(step);
  return { coordinator, from: Number(from) };
}
