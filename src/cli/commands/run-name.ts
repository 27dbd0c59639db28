import { isIdentifier } from '../../protocol/index.js';
import { UsageError } from '../errors.js';

/** @throws UsageError unless it can be part of a queue's name */
export function checkRunName(run: string | null): void {
  if (run === null || isIdentifier(run)) return;
  throw new UsageError(`--run "${run}" cannot be a run's name: use letters, digits, ".", "_" and "-".`);
}
