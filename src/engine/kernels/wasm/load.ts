import { readFileSync } from 'node:fs';
import type { Kernels } from '../kernels.js';
import { nativeNumericsId } from '../native/native.js';
import type { WasmInstance, WasmOperations } from './instance.js';
import { wasmKernels } from './wasm.js';

/** Singles, every product and every sum rounded: plain SIMD, and relaxed SIMD where the machine has no fused multiply-add. */
const roundedTwiceId = 'wasm-f32-2';

/** As native/build-wasm.mjs links the modules. */
const pages = { initial: 16, maximum: 16_384 };

/** The WebAssembly kernels that this runtime takes, the faster first. */
export function loadWasmKernels(): Kernels[] {
  const relaxed = compile('relaxed');
  const plain = compile('plain');
  const found: Kernels[] = [];
  if (relaxed !== null) {
    const id = fuses(relaxed) ? nativeNumericsId : roundedTwiceId;
    found.push(wasmKernels('wasm-relaxed', id, () => instantiate(relaxed)));
  }
  if (plain !== null) found.push(wasmKernels('wasm-plain', roundedTwiceId, () => instantiate(plain)));
  return found;
}

/** Null where the runtime does not know the instructions, or does without WebAssembly. */
function compile(variant: 'relaxed' | 'plain'): WebAssembly.Module | null {
  try {
    const bytes = readFileSync(new URL(`./kernels-${variant}.wasm`, import.meta.url));
    return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : null;
  } catch {
    return null;
  }
}

function instantiate(module: WebAssembly.Module, maximum = pages.maximum): WasmInstance {
  const memory = new WebAssembly.Memory({ initial: pages.initial, maximum, shared: true });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const operations: WasmOperations = Object.assign(Object.create(null), exports);
  return { operations, memory };
}

/** (1 + 2⁻¹²)² − (1 + 2⁻¹¹): what is left, 2⁻²⁴, is lost where the product is rounded by itself. */
function fuses(module: WebAssembly.Module): boolean {
  const { operations } = instantiate(module, pages.initial);
  return operations.multiplyAdd(1 + 2 ** -12, 1 + 2 ** -12, -(1 + 2 ** -11)) === 2 ** -24;
}
