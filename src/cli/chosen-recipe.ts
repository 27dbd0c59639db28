import { resolveOptions, type Sources } from './options/resolve.js';
import { trainTable } from './options/tables.js';
import { type Recipe, recipes } from './recipes.js';

/** What --recipe names, wherever it is named. @throws UsageError for one that there is not */
export function chosenRecipe(sources: Sources): Recipe | null {
  const { recipe } = resolveOptions({ recipe: trainTable.recipe }, sources);
  return recipe === null ? null : (recipes.get(recipe) ?? null);
}
