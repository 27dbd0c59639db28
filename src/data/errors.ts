/** The data set as a whole cannot be used: missing, empty, no labels, too many rejects. Exit code 3. */
export class DataError extends Error {
  override readonly name = 'DataError';
}

/** The pack cannot be written into the cache folder: full disk, missing permission. Exit code 7. */
export class CacheError extends Error {
  override readonly name = 'CacheError';
}

/** One file is no usable image. `reason` is a short phrase, ready for a reject list. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}

/** Bytes offered as a data block are not the block they claim to be: fetch it again. */
export class BlockMismatchError extends Error {
  override readonly name = 'BlockMismatchError';
}

/** A sample was asked for whose block has not been fetched yet: fetch `block`, then read again. */
export class BlockMissingError extends Error {
  override readonly name = 'BlockMissingError';
  readonly block: number;

  constructor(block: number) {
    super(`Data block ${block} is not in the local store. It has to be fetched before its samples are read.`);
    this.block = block;
  }
}
