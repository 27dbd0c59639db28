/** An option, an environment variable or the config file says something that cannot be. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** No model was named, and there is no last run to take one from. Exit code 5. */
export class NoModelError extends Error {
  override readonly name = 'NoModelError';
}

/** Nobody answered on the broker, or not in time. Exit code 4. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** SIGINT or SIGTERM ended the command before its work was done. Exit code 130 or 143. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly signal: 'SIGINT' | 'SIGTERM';

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`Stopped by ${signal}.`);
    this.signal = signal;
  }
}
