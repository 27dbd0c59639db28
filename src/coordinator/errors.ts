/** The training spec cannot be used as it stands; the message says what was expected and what would fit. Exit code 2. */
export class TrainingSpecError extends Error {
  override readonly name = 'TrainingSpecError';
}

/** The run in the folder is not the run that was asked for: another spec, other data, or other numerics. Exit code 2. */
export class ResumeMismatchError extends Error {
  override readonly name = 'ResumeMismatchError';
}

/** The run folder already holds a run and resuming was not asked for. Exit code 2. */
export class RunFolderError extends Error {
  override readonly name = 'RunFolderError';
}

/** Another coordinator has taken the run over, as somebody asked it to. Exit code 8. */
export class TakenOverError extends Error {
  override readonly name = 'TakenOverError';
}

/** No checkpoint of the folder can be read, although there are some. Exit code 5. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
}

/** The run cannot go on: a quarantined block, a loss that is not finite, or no workers in time. Exit code 6. */
export class RunStoppedError extends Error {
  override readonly name = 'RunStoppedError';
  /** Names of the samples at fault, `FOLDER/FILE`; empty where no block is to blame. */
  readonly samples: readonly string[];
  /** Whether the steps since the last checkpoint are worth one. */
  readonly keep: boolean;

  constructor(message: string, o: { samples?: readonly string[]; keep?: boolean } = {}) {
    super(message);
    this.samples = o.samples ?? [];
    this.keep = o.keep ?? true;
  }
}
