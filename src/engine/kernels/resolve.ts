import { type Kernels, KernelsUnavailableError } from './kernels.js';
import { loadAddon } from './native/load.js';
import { nativeKernels } from './native/native.js';
import { referenceKernels } from './reference/reference.js';
import { loadWasmKernels } from './wasm/load.js';

const loaded = loadAddon();
const native =
  'addon' in loaded
    ? Object.entries(loaded.addon).map(([set, operations]) => nativeKernels(set, operations))
    : [];
const wasm = loadWasmKernels();

/** Every backend that runs here, by name, the fastest first. One conformance suite covers them all. */
export const availableKernels: ReadonlyMap<string, Kernels> = new Map(
  [...native, ...wasm, referenceKernels].map((kernels) => [kernels.name, kernels]),
);

/** A family by its name is the fastest of it that runs here. */
const families: Record<string, readonly Kernels[]> = { native, wasm };

/**
 * The backend to compute with, and why it is this one: the fastest that runs here, or the one asked for; `native` and `wasm`
 * ask for the fastest of their kind.
 *
 * @throws KernelsUnavailableError if a backend is asked for by a name that does not exist here
 */
export function resolveKernels(requested?: string): { kernels: Kernels; reason: string } {
  if (requested === undefined) return fastest();
  const kernels = families[requested]?.[0] ?? availableKernels.get(requested);
  if (kernels !== undefined) return { kernels, reason: 'asked for by name' };
  const known = [...availableKernels.keys()].join(', ');
  const why = requested.startsWith('native') && 'missing' in loaded ? `; ${loaded.missing}` : '';
  throw new KernelsUnavailableError(
    `There are no kernels named "${requested}" here${why}. Choose one of: ${known}.`,
  );
}

function fastest(): { kernels: Kernels; reason: string } {
  const [kernels = referenceKernels] = [...native, ...wasm];
  if (native.length > 0) {
    const lacks = kernels.name === 'native-avx2' ? '; it has no AVX-512' : '';
    return { kernels, reason: `the fastest that this processor runs${lacks}` };
  }
  return { kernels, reason: 'missing' in loaded ? loaded.missing : 'nothing faster runs here' };
}
