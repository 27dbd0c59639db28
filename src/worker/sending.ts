import type { Log } from '../metrics/index.js';
import { LinkDownError, RunGoneError } from '../transport/index.js';

/** True for a send that failed because the broker or the coordinator is away: nobody's mistake, and it may come back. */
export function isAway(error: unknown): error is LinkDownError | RunGoneError {
  return error instanceof LinkDownError || error instanceof RunGoneError;
}

/** For messages that are said again, or no longer matter, once the broker or the coordinator is back. */
export async function unlessAway(sending: Promise<void>, log: Log): Promise<void> {
  try {
    await sending;
  } catch (error) {
    if (!isAway(error)) throw error;
    log.debug(`Not sent: ${error.message}`);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
