import type { Kernels } from '../kernels.js';

/** What native/wasm.c exports: addresses and numbers in, memory changed. */
export type WasmOperations = Record<
  keyof Omit<Kernels, 'name' | 'numericsId' | 'allocate' | 'copies' | 'forPlan' | 'copy' | 'conv2dWorkspace'>,
  (...numbers: number[]) => void
> & {
  conv2dWorkspace(dims: number): number;
  /** a·b + c as this machine computes it */
  multiplyAdd(a: number, b: number, c: number): number;
  /** As of the addon; over 32 floats at `sink`. */
  multiplyAdds(count: number, sink: number): number;
  /** First address that is free. */
  heapBase(): number;
};

export interface WasmInstance {
  operations: WasmOperations;
  memory: WebAssembly.Memory;
}
