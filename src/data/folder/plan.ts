import { basename } from 'node:path';
import type { Reject } from '../types.js';
import type { LabelRow } from './labels.js';
import type { FolderListing, ListedFile } from './listing.js';

/** An image to decode, with its label if the folder has labels. */
export interface PlannedImage {
  file: ListedFile;
  label: number | null;
}

export interface FolderPlan {
  /** Sorted by file name. */
  images: PlannedImage[];
  rejects: Reject[];
  notes: string[];
}

/** What images are called: other files beside them, such as the tables that an earlier inference left, are nobody's oversight. */
const imageEnding = /\.(png|jpe?g|webp|gif|tiff?|avif)$/i;

/** Tables, such as the predictions.csv or predictions.json that an earlier inference left here. */
const tableEnding = /\.(csv|json|ndjson)$/i;

/** All files but tables. */
export function planUnlabelled(listing: FolderListing): FolderPlan {
  const images = listing.files.filter(({ name }) => !tableEnding.test(name));
  return { images: images.map((file) => ({ file, label: null })), rejects: [], notes: [] };
}

/**
 * Joins label rows and files. Every row becomes an image or a reject; image files without a row are counted in a note.
 *
 * @param folder how rejects call the folder
 */
export function planLabelled(listing: FolderListing, rows: readonly LabelRow[], folder: string): FolderPlan {
  const rejects: Reject[] = [];
  const find = fileFinder(listing.files);
  const byFile = new Map<ListedFile, LabelRow[]>();
  for (const row of rows) {
    const file = find(row.filename);
    if (row.filename === '') {
      rejects.push({ folder, name: `line ${row.line}`, reason: 'the CSV row names no file' });
    } else if (file === undefined) {
      rejects.push({
        folder,
        name: row.filename,
        reason: `line ${row.line} of the CSV names a file that is missing`,
      });
    } else {
      const twins = byFile.get(file);
      if (twins === undefined) byFile.set(file, [row]);
      else twins.push(row);
    }
  }
  const images: PlannedImage[] = [];
  for (const [file, twins] of byFile) {
    const [first, ...others] = twins;
    const conflicts = others.some(({ label }) => label !== first.label);
    if (conflicts) {
      // Which row is right cannot be known, so none is believed.
      const digits = twins.map(({ text, line }) => `"${text}" on line ${line}`).join(', ');
      rejects.push({
        folder,
        name: file.name,
        reason: `listed more than once, with different digits: ${digits}`,
      });
      continue;
    }
    for (const { line } of others) {
      rejects.push({ folder, name: file.name, reason: `duplicate: line ${line} repeats line ${first.line}` });
    }
    if (first.label === null) {
      const reason = `line ${first.line}: the label "${first.text}" is no digit from 0 to 9`;
      rejects.push({ folder, name: file.name, reason });
      continue;
    }
    images.push({ file, label: first.label });
  }
  images.sort((a, b) => (a.file.name < b.file.name ? -1 : 1));
  const extra = listing.files.filter((file) => !byFile.has(file) && imageEnding.test(file.name)).length;
  const files = extra === 1 ? 'One file' : `${extra} files`;
  const notes =
    extra === 0 ? [] : [`${files} in ${folder} without a row in ${basename(listing.path)}.csv: ignored.`];
  return { images, rejects, notes };
}

/** By exact name; else by the only name that differs in case alone (".jpg" in the table, ".JPG" on disk). */
function fileFinder(files: readonly ListedFile[]): (name: string) => ListedFile | undefined {
  const exact = new Map(files.map((file) => [file.name, file]));
  const folded = new Map<string, ListedFile | 'ambiguous'>();
  for (const file of files) {
    const key = file.name.toLowerCase();
    folded.set(key, folded.has(key) ? 'ambiguous' : file);
  }
  return (name) => {
    const found = exact.get(name) ?? folded.get(name.toLowerCase());
    return found === 'ambiguous' ? undefined : found;
  };
}
