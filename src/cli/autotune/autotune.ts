import type { TrainingSpec } from '../../coordinator/index.js';
import { buildModel, type Kernels, LANES } from '../../engine/index.js';
import type { Log } from '../../metrics/index.js';
import { chooseSizes, type Sizes, type WantedSizes } from './choose.js';
import { measureEngine } from './measure.js';

/** The workers and the way to them, as far as their number and distance decide the sizes. */
export interface Way {
  /** That will compute at once, as far as is known at the start. */
  workers: number;
  threadsPerWorker: number;
  /** Milliseconds that a message of so many bytes takes to a worker; null where nothing travels. */
  messageMs: ((sizeBytes: number) => Promise<number>) | null;
}

/** Sizes with which a spec can be checked before anything is measured. */
export function provisionalSizes({ batch, microshards }: WantedSizes): Sizes {
  const parts = microshards === 'auto' ? 1 : microshards;
  return { batch: batch === 'auto' ? parts * LANES : batch, microshards: parts };
}

/**
 * The sizes of a run, measured here where they are `auto`. They are part of its spec from then on: a resumed run does not measure.
 *
 * @throws BrokerError of the way
 */
export async function settleSizes(
  wanted: WantedSizes,
  spec: TrainingSpec,
  o: { kernels: Kernels; way: Way; log: Log; now: () => number },
): Promise<Sizes> {
  const { batch, microshards } = wanted;
  if (batch !== 'auto' && microshards !== 'auto') return { batch, microshards };
  const { workers, threadsPerWorker, messageMs } = o.way;
  const engine = measureEngine(spec.model, spec.optimizer, o.kernels, o.now);
  const sizeBytes = buildModel(spec.model).parameterCount * Float32Array.BYTES_PER_ELEMENT;
  const travelMs = messageMs === null ? 0 : await messageMs(sizeBytes);
  const asynchronous = spec.mode?.type === 'async';
  const chosen = chooseSizes(
    wanted,
    { ...engine, messageMs: travelMs },
    { workers, threadsPerWorker, asynchronous },
  );
  o.log.info('sizes chosen by a measurement', {
    batch: chosen.batch,
    microshards: chosen.microshards,
    imageMicroseconds: Math.round(engine.imageMs * 1000),
    updateMs: rounded(engine.updateMs),
    ...(messageMs === null ? {} : { messageMs: rounded(travelMs) }),
    workers,
    threadsPerWorker,
    gradientsPerStep: chosen.gradients,
    idlePercent: Math.round(chosen.idleShare * 100),
  });
  return { batch: chosen.batch, microshards: chosen.microshards };
}

const rounded = (ms: number): number => Math.round(ms * 100) / 100;
