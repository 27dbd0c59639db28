// Node 20 knows WebAssembly's relaxed SIMD, but must be told to use it. Imported before the engine, which looks once.
import { setFlagsFromString } from 'node:v8';

/** Whether it had to be switched on. */
export const switchedOn = process.versions.node.startsWith('20.');
if (switchedOn) setFlagsFromString('--experimental-wasm-relaxed-simd');
