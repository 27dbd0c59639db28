import { type Kernels, KernelsUnavailableError } from './kernels.js';
import { referenceKernels } from './reference/reference.js';

/** Every backend that runs here, by name. One conformance suite covers them all. */
export const availableKernels: ReadonlyMap<string, Kernels> = new Map([
  [referenceKernels.name, referenceKernels],
]);

/**
 * The backend to compute with, and why it is this one.
 *
 * @throws KernelsUnavailableError if a backend is asked for by a name that does not exist here
 */
export function resolveKernels(requested?: string): { kernels: Kernels; reason: string } {
  if (requested === undefined) return { kernels: referenceKernels, reason: 'the only backend there is' };
  const kernels = availableKernels.get(requested);
  if (kernels === undefined) {
    const known = [...availableKernels.keys()].join(', ');
    throw new KernelsUnavailableError(`There are no kernels named "${requested}"; choose one of: ${known}.`);
  }
  return { kernels, reason: 'asked for by name' };
}
