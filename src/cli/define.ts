import type { AnyCommand, CommandDefinition } from './command.js';
import { resolveOptions } from './options/resolve.js';
import type { OptionTable } from './options/table.js';

/** Closes a definition over the type of its table, so that commands of different tables fit into one list. */
export function defineCommand<T extends OptionTable>(definition: CommandDefinition<T>): AnyCommand {
  return {
    ...definition,
    async prepare(sources) {
      const stored = (await definition.stored?.(sources)) ?? {};
      // A run that is gone on with has its options, wherever they came from.
      const recipe = Object.keys(stored).length > 0 ? null : (definition.recipe?.(sources) ?? null);
      const values = resolveOptions(definition.table, { ...sources, stored, recipe });
      return async (session) => (await definition.load())(values, session);
    },
  };
}
