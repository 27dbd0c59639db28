/** One row of a run's history. */
export interface EpochPoint {
  epoch: number;
  /** Mean cross-entropy in nats. */
  trainLoss: number;
  /** Share of correct answers, 0…1. */
  trainAccuracy: number;
  validationLoss: number | null;
  validationAccuracy: number | null;
}

/** The same picture twice: `svg` holds its letters as outlines, so both look alike everywhere. */
export interface Chart {
  svg: string;
  png: Uint8Array;
}

export interface SheetImage {
  /** [height][width][channels], 8 bits each. */
  pixels: Uint8Array;
  width: number;
  height: number;
  channels: 1 | 3;
  caption?: string;
}

/** A chart was asked for with data that cannot be drawn: a mistake in the calling code. */
export class ChartError extends Error {
  override readonly name = 'ChartError';
}
