import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../errors.js';
import { readLabels } from './labels.js';
import { listFolder, readLabelFile } from './listing.js';
import { planLabelled } from './plan.js';

/** What a folder with labels holds, by names alone: no image was opened. */
export interface SurveyedFolder {
  folder: string;
  /** Files with a label. */
  images: number;
  /** Rows and files that cannot be used. */
  rejects: number;
}

/**
 * Every folder below `dataDir` that has its CSV beside it, sorted by name.
 * @throws DataError if there is none, or one of them cannot be used
 */
export async function surveyDataSet(dataDir: string): Promise<SurveyedFolder[]> {
  const entries = await readdir(dataDir, { withFileTypes: true }).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    throw new DataError(
      `The data folder ${dataDir} cannot be read (${code}). It should hold image folders, each with its CSV beside it.`,
    );
  });
  const names = new Set(entries.map(({ name }) => name));
  const folders = entries.filter((entry) => !entry.isFile() && names.has(`${entry.name}.csv`));
  if (folders.length === 0)
    throw new DataError(
      `No folder below ${dataDir} has its labels beside it, as training-a/ has training-a.csv. Check the path; \`onko dataset demo DIR\` makes a set to try.`,
    );
  const found: SurveyedFolder[] = [];
  for (const { name } of folders.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const folder = join(dataDir, name);
    const listing = await listFolder(folder);
    const { path, bytes } = await readLabelFile(folder);
    const { images, rejects } = planLabelled(
      listing,
      readLabels(new TextDecoder().decode(bytes), path),
      name,
    );
    if (images.length === 0)
      throw new DataError(`No row of ${path} names an image of ${folder} and a digit from 0 to 9.`);
    found.push({ folder: name, images: images.length, rejects: rejects.length });
  }
  return found;
}
