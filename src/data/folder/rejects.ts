import { DataError } from '../errors.js';
import type { Reject } from '../types.js';

/** @param path the folder, as the user knows it */
export function noUsableImage(path: string, rejects: readonly Reject[]): DataError {
  const first = listRejects(rejects);
  return new DataError(
    first === ''
      ? `None of the images in ${path} has a row in its CSV.`
      : `None of the images in ${path} can be used. ${first}`,
  );
}

export function tooManyRejects(rejects: readonly Reject[], maxRejects: number): DataError {
  const images = rejects.length === 1 ? 'One image or row is' : `${rejects.length} images or rows are`;
  return new DataError(
    `${images} unusable, at most ${maxRejects} may be. ${listRejects(rejects)} Mend the data, or allow more rejects.`,
  );
}

function listRejects(rejects: readonly Reject[]): string {
  if (rejects.length === 0) return '';
  const shown = rejects.slice(0, 5).map(({ folder, name, reason }) => `${folder}/${name}: ${reason}`);
  const rest = rejects.length - shown.length;
  return `${rest > 0 ? 'The first' : 'They are'}: ${shown.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}.`;
}
