import { resolveKernels } from '../engine/index.js';
import type { ReducerConfig, RunningReducer } from './config.js';
import { createReducerMetrics } from './metrics.js';
import { startPerformer } from './performer.js';

/**
 * Joins the lobby of the broker and sums one range of one run at a time, until drained or, with `once`, the run is over.
 *
 * @throws KernelsUnavailableError; BrokerError if the broker cannot be reached
 */
export async function startReducer(config: ReducerConfig): Promise<RunningReducer> {
  const { kernels, reason } = resolveKernels(config.kernels);
  const { reducer, version } = config;
  config.log.info(`Reducer ${reducer}: ${kernels.name} kernels (${reason}).`);
  const facts = { reducer, version, kernels: kernels.name, numericsId: kernels.numericsId };
  const metrics = createReducerMetrics(config.metrics, facts, config.now ?? (() => performance.now()));
  const link = await config.transport.openReducer({ reducer });
  return startPerformer(config, kernels, link, metrics);
}
