export { createLinkMetrics, type LinkMetrics } from './link-metrics.js';
export { createLog, type LineWriter, type Log, type LogLevel, logLevels, silentLog } from './logger.js';
export {
  createProgressLine,
  fitProgress,
  formatDuration,
  formatProgress,
  type ProgressLine,
  type ProgressReport,
  type ProgressStream,
} from './progress.js';
export { redactText, redactUrl, redactValue } from './redact.js';
export { Counter, createRegistry, Gauge, Histogram, type Maker, metricsIn, Registry } from './registry.js';
export { type MetricsServer, MetricsServerError, type PathHandler, serveMetrics } from './server.js';
