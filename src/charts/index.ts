/** Pictures of a run: learning curves, confusion matrix, contact sheets. All text is drawn from the packages' own fonts. */
export interface EpochPoint {
  epoch: number;
  /** Mean cross-entropy in nats. */
  trainLoss: number;
  /** Share of correct answers, 0…1. */
  trainAccuracy: number;
  validationLoss: number | null;
  validationAccuracy: number | null;
}
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

/** Loss and accuracy over the epochs, training beside validation. */
export declare function renderCurves(history: readonly EpochPoint[]): Promise<Chart>;
/** Heat map of truth (rows) against guess (columns), coloured by the row's share. confusion: [truth][guess]. */
export declare function renderConfusion(confusion: Uint32Array, classes: readonly string[]): Promise<Chart>;
/** A grid of images, PNG. */
export declare function renderContactSheet(
  images: readonly SheetImage[],
  columns: number,
): Promise<Uint8Array>;
