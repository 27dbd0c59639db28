/** Pages for a browser: the live page of a run, the one to draw a digit on, and the look that the report shares with them. */
export { assetRoutes, type Route } from './asset-routes.js';
export { readLook } from './assets.js';
export { type AudienceLimits, defaultLimits } from './audience.js';
export { escapeHtml, html, Markup } from './html.js';
export { createLivePage, type LivePage } from './live-page.js';
export { pictureUrl } from './picture.js';
export type {
  EpochRow,
  GallerySection,
  LinesSection,
  Message,
  PagePhase,
  PageReading,
  PageState,
  PhasesSection,
  Point,
  ProgressSection,
  RangeRow,
  ReducersSection,
  RunSection,
  ValidationSection,
  WorkerRow,
  WorkersSection,
} from './state.js';
