import { createRandom, permutation } from '../engine/index.js';
import { DataError } from './errors.js';
import type { PackManifest } from './types.js';

/** Set aside a fraction of all samples, or a whole folder. */
export type Validation = { fraction: number } | { folder: string };

/** Second key part of the streams drawn here: the split and the orders share no numbers, with each other or with anything else. */
const splitStream = 0x73706c69;
const orderStream = 0x6f726465;

/**
 * Divides a pack into samples to train on and samples to validate on, both ascending. A fraction is drawn from the seed alone.
 *
 * @throws DataError for a folder that the pack does not have, or nothing left to train on
 */
export function splitIndices(
  manifest: PackManifest,
  validate: Validation,
  seed: number,
): { train: Uint32Array; validation: Uint32Array } {
  const { sampleCount } = manifest;
  const isValidation = new Uint8Array(sampleCount);
  if ('folder' in validate) {
    const folder = manifest.folders.find(({ name }) => name === validate.folder);
    if (folder === undefined) {
      const names = manifest.folders.map(({ name }) => name).join(', ');
      throw new DataError(
        `The validation folder ${validate.folder} is not in the data set, which has ${names}.`,
      );
    }
    isValidation.fill(1, folder.first, folder.first + folder.count);
  } else {
    const { fraction } = validate;
    if (!(fraction >= 0 && fraction < 1)) {
      throw new DataError(`The validation fraction has to be at least 0 and less than 1, found ${fraction}.`);
    }
    const order = permutation(sampleCount, createRandom(seed, splitStream));
    for (const index of order.subarray(0, Math.round(fraction * sampleCount))) isValidation[index] = 1;
  }
  const all = Uint32Array.from({ length: sampleCount }, (_, index) => index);
  const train = all.filter((index) => isValidation[index] === 0);
  if (train.length === 0)
    throw new DataError('No sample is left to train on: all are set aside for validation.');
  return { train, validation: all.filter((index) => isValidation[index] === 1) };
}

/** The samples of an epoch in the order they are trained on: a permutation of `train` drawn from (seed, epoch). */
export function epochOrder(train: Uint32Array, seed: number, epoch: number): Uint32Array {
  const order = permutation(train.length, createRandom(seed, orderStream, epoch));
  return order.map((position) => train[position]);
}
