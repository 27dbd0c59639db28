/** Pictures of a run: learning curves, confusion matrix, contact sheets. All text is drawn from the packages' own fonts. */
export { renderConfusion } from './confusion.js';
export { renderContactSheet } from './contact-sheet.js';
export { renderCurves } from './curves.js';
export { type ReliabilityBin, renderReliability } from './reliability.js';
export { type Chart, ChartError, type EpochPoint, type SheetImage } from './types.js';
