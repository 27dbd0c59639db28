import { type Kernels, KernelsUnavailableError } from './kernels.js';
import { referenceKernels } from './reference/reference.js';

const backends: ReadonlyMap<string, Kernels> = new Map([[referenceKernels.name, referenceKernels]]);

/**
 * The backend to compute with, and why it is this one.
 *
 * @throws KernelsUnavailableError if a backend is asked for by a name that does not exist here
 */
export function resolveKernels(requested?: string): { kernels: Kernels; reason: string } {
  if (requested === undefined) return { kernels: referenceKernels, reason: 'the only backend there is' };
  const kernels = backends.get(requested);
  if (kernels === undefined) {
    const known = [...backends.keys()].join(', ');
    throw new KernelsUnavailableError(`There are no kernels named "${requested}"; choose one of: ${known}.`);
  }
  return { kernels, reason: 'asked for by name' };
}
