// Our engine as the benchmarks use it. Node 20 knows WebAssembly's relaxed SIMD but must be told to use it, before the engine
// looks for it.
import { setFlagsFromString } from 'node:v8';

/** Whether relaxed SIMD had to be switched on. */
export const switchedOn = process.versions.node.startsWith('20.');
if (switchedOn) setFlagsFromString('--experimental-wasm-relaxed-simd');

export const {
  availableKernels,
  buildModel,
  createPlan,
  initialParameters,
  LANES,
  namedSpecs,
  resolveKernels,
} = await import('../dist/engine/index.js');
