import type { ExitCode } from './exit-codes.js';
import type { Sources } from './options/resolve.js';
import type { OptionTable, Values } from './options/table.js';
import type { Recipe } from './recipes.js';
import type { Session } from './session.js';

/** What a command works on. `many`: one or more of it. */
export interface Operand {
  name: string;
  describe: string;
  many?: boolean;
}

/** One command, whole: what it is called, what it takes, and what it does. */
export interface CommandDefinition<T extends OptionTable> {
  /** Words after the program's name: `coordinator start`. */
  words: string;
  summary: string;
  description: string;
  operand: Operand | null;
  table: T;
  /** Whole lines to copy. */
  examples: string[];
  /** Values of an earlier run that this one goes on with, by config name. */
  stored?: (sources: Sources) => Promise<Record<string, unknown>>;
  /** The recipe that is asked for. */
  recipe?: (sources: Sources) => Recipe | null;
  /** Loaded when it runs, so that `--help` is quick. */
  load: () => Promise<(values: Values<T>, session: Session) => Promise<ExitCode>>;
}

/** A definition whose table's type is known to itself alone. */
export interface AnyCommand {
  words: string;
  summary: string;
  description: string;
  operand: Operand | null;
  table: OptionTable;
  examples: string[];
  /** Resolves the options; the returned function runs the command. */
  prepare(sources: Sources): Promise<(session: Session) => Promise<ExitCode>>;
}
