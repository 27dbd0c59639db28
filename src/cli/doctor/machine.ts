import { availableParallelism, freemem, hostname, totalmem } from 'node:os';
import {
  buildModel,
  createPlan,
  KernelsUnavailableError,
  LANES,
  namedSpecs,
  referenceKernels,
  resolveKernels,
} from '../../engine/index.js';
import { bad, type Finding, failed, note, ok } from './finding.js';

export function checkNode(found: string): Finding {
  const [major = 0, minor = 0] = found.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return ok('node', found);
  return bad('node', 1, `${found}, but Onko needs 20.19 or newer`, 'Install a newer Node (nodejs.org).');
}

/** A coordinator's peak with 50,000 images, and a worker's (README.md, Figures), with room for the rest of the process. */
const scarceBytes = 512 * 2 ** 20;

export function checkMachine(
  memory: { freeBytes: number; totalBytes: number } = { freeBytes: freemem(), totalBytes: totalmem() },
): Finding {
  const cores = availableParallelism();
  const says = `${hostname()}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${gigabytes(memory.freeBytes)} of ${gigabytes(memory.totalBytes)} GiB memory free`;
  if (memory.freeBytes >= scarceBytes) return ok('machine', says);
  return note(
    'machine',
    says,
    'A coordinator takes about 250 MiB, a worker 150 MiB: end other programs, or take fewer --workers and --threads.',
  );
}

/** Which kernels run, and why not faster ones. */
export function checkKernels(requested: string | null): Finding {
  try {
    const { kernels, reason } = resolveKernels(requested ?? undefined);
    const says = `${kernels.name} (${reason}), numerics ${kernels.numericsId}`;
    if (kernels.name.startsWith('native') || requested !== null) return ok('kernels', says);
    const pace = kernels.name.startsWith('wasm') ? 'a third' : 'a tenth';
    return note(
      'kernels',
      says,
      `They run at about ${pace} of the native ones’ speed. In a clone: install a C compiler (Debian, Ubuntu: apt-get install gcc libc6-dev) and run \`npm run build\`. In an installed package: install it again.`,
    );
  } catch (error) {
    if (error instanceof KernelsUnavailableError) return failed('kernels', error);
    throw error;
  }
}

/** What a thread needs for each named model besides parameters and samples: the same whatever the kernels and the batch. */
export function describeMemory(): Finding {
  const scaling = { channels: 1, mean: 0, std: 1 } as const;
  const plans = [...namedSpecs].map(([name, spec]) => {
    const { memory } = createPlan(buildModel(spec), referenceKernels, { capacity: LANES, scaling });
    return `${name} ${(memory.totalBytes / 2 ** 20).toFixed(1)} MiB`;
  });
  return ok('memory', `activations and gradients per thread: ${plans.join(', ')}`);
}

export async function checkDecoder(): Promise<Finding> {
  try {
    const { default: sharp } = await import('sharp');
    return ok('decoder', `libvips ${sharp.versions.vips}`);
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown reason';
    return bad('decoder', 3, `sharp cannot be loaded (${why})`, 'Install again with `npm ci`.');
  }
}

/** Clocks, in milliseconds: the wall's since 1970, the other never set. */
export interface Clocks {
  wallMs: () => number;
  monotonicMs: () => number;
  pause: (ms: number) => Promise<void>;
}

const watchMs = 250;
/** More than reading two clocks after one another takes on a busy machine. */
const steppedMs = 100;
/** The year of this program's first release: no clock is right that is before it. */
const earliestMs = Date.UTC(2025, 0, 1);

/** Looks for a quarter of a second whether the wall's clock runs as fast as the one that is never set. */
export async function checkClock({ wallMs, monotonicMs, pause }: Clocks): Promise<Finding> {
  const start = { wall: wallMs(), monotonic: monotonicMs() };
  await pause(watchMs);
  const passed = { wall: wallMs() - start.wall, monotonic: monotonicMs() - start.monotonic };
  const now = new Date(start.wall).toISOString();
  const remedy = 'Let a time service set it (timedatectl set-ntp true).';
  if (start.wall < earliestMs)
    return note('clock', `says ${now}: TLS will refuse certificates, and logs make no sense`, remedy);
  const apart = passed.wall - passed.monotonic;
  if (Math.abs(apart) < steppedMs) return ok('clock', `${now}, runs evenly`);
  return note(
    'clock',
    `was moved by ${Math.round(apart)} ms within ${Math.round(passed.monotonic)} ms: times in logs, metrics and traces do not fit together`,
    remedy,
  );
}

function gigabytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}
