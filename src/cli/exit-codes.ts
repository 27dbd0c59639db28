/** What the exit code of every command means. docs/operations.md says what to do about each. */
export const exitCodes = {
  0: 'done',
  1: 'an error that Onko did not expect; please report it',
  2: 'wrong options, config file, model spec or training spec',
  3: 'the data cannot be used',
  4: 'the broker cannot be reached or used',
  5: 'a model file or checkpoint cannot be read',
  6: 'the run stopped: a block that fails everywhere, a training that diverged, no workers, or two that disagree',
  7: 'output cannot be written: no space, no permission',
  8: 'another coordinator has taken over the run, as it was told to',
  130: 'stopped by SIGINT (Ctrl-C)',
  143: 'stopped by SIGTERM',
} as const;

export type ExitCode = keyof typeof exitCodes;

/** By name, not by class: the commands are loaded when they are needed, and errors from threads have lost their class. */
export const codeByErrorName: Readonly<Record<string, ExitCode>> = {
  UsageError: 2,
  SpecError: 2,
  KernelsUnavailableError: 2,
  TrainingSpecError: 2,
  ResumeMismatchError: 2,
  RunFolderError: 2,
  MetricsServerError: 2,
  DataError: 3,
  ImageError: 3,
  DemoSetError: 3,
  InferenceError: 3,
  BlockMismatchError: 3,
  BlockMissingError: 3,
  BrokerError: 4,
  AccessRefusedError: 4,
  RunTakenError: 4,
  RunGoneError: 4,
  LinkDownError: 4,
  ProtocolError: 4,
  NoAnswerError: 4,
  ModelFileError: 5,
  SafetensorsError: 5,
  StateDictError: 5,
  CheckpointError: 5,
  NoModelError: 5,
  RunStoppedError: 6,
  TakenOverError: 8,
  OutputError: 7,
  DemoOutputError: 7,
  CacheError: 7,
};

const outputCodes = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM']);

/** The exit code for anything thrown, and the sentences to show. */
export function explainError(error: unknown): { code: ExitCode; message: string } {
  if (!(error instanceof Error)) return { code: 1, message: unexpected(String(error)) };
  if (error.name === 'InterruptedError') {
    return {
      code: 'signal' in error && error.signal === 'SIGTERM' ? 143 : 130,
      message: error.message,
    };
  }
  const code = codeByErrorName[error.name];
  if (code !== undefined) return { code, message: error.message };
  if ('code' in error && outputCodes.has(String(error.code))) {
    return { code: 7, message: `A file could not be written or opened: ${error.message}.` };
  }
  return { code: 1, message: unexpected(error.message || error.name) };
}

function unexpected(message: string): string {
  return (
    `Something went wrong that Onko did not expect: ${message}.\n` +
    'Please report it with the command, and the output of the same command with --verbose.'
  );
}
