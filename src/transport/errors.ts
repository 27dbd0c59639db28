/** The broker cannot be reached or used, in a sentence that names what to check and never the password. */
export class BrokerError extends Error {
  override readonly name: string = 'BrokerError';
}

/**
 * The broker lets this account in, but not do what its role needs. Trying again does not help: somebody has to change the
 * account's permissions.
 */
export class AccessRefusedError extends BrokerError {
  override readonly name = 'AccessRefusedError';
}

/** Another coordinator holds this run. */
export class RunTakenError extends Error {
  override readonly name = 'RunTakenError';
  readonly run: string;

  constructor(run: string, message?: string) {
    super(
      message ??
        `Run ${run} already has a coordinator on this broker. Stop that one first, let this one take its place with --resume --take-over, or start a run of another name.`,
    );
    this.run = run;
  }
}

/** The run's queues are not on the broker, or nobody listens to them: the run ended, or its coordinator is away. */
export class RunGoneError extends Error {
  override readonly name = 'RunGoneError';
  readonly run: string;

  constructor(run: string, what: string) {
    super(`Run ${run}: ${what}`);
    this.run = run;
  }
}

/** Sent while the link was down, or the link went down before the broker confirmed. Send again when it is up. */
export class LinkDownError extends Error {
  override readonly name = 'LinkDownError';
}
