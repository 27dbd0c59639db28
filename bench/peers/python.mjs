// Contenders in Python: a child process for each, which computes when it is asked to and times itself.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Where to look: the first on the PATH, then the distribution's. */
export const pythons = ['python3', '/usr/bin/python3'];

/** One thread. The OPENBLAS settings that some environments have make matrix products slower. */
export function environment() {
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...env } = process.env;
  return { ...env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' };
}

/** A child that runs the script, and what it says of itself; null if no Python here can. */
async function start(script) {
  for (const python of pythons) {
    const child = spawn(python, [fileURLToPath(new URL(script, import.meta.url))], {
      env: environment(),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.on('error', () => {});
    child.stdin.on('error', () => {});
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    if (!first.done) return { child, lines, says: JSON.parse(first.value) };
  }
  return null;
}

function contender({ child, lines }, variant, description) {
  return {
    ...description,
    async seconds({ name, mode, images }, count) {
      child.stdin.write(`${name} ${mode} ${images} ${variant} ${count}\n`);
      const answer = await lines.next();
      if (answer.done) throw new Error(`${description.name} ended while it computed ${name} ${mode}`);
      return JSON.parse(answer.value).processor;
    },
    close: () => child.stdin.end(),
  };
}

/** PyTorch, each variant that this version has in a process of its own; none where no Python has it. */
export async function torch() {
  const first = await start('./torch_engine.py');
  if (first === null) return [];
  const { version, variants, blas } = first.says;
  if (/\blibblas\.so/.test(blas) && !/openblas|mkl|blis/.test(blas)) {
    console.log(
      'PyTorch multiplies matrices with the plain BLAS here, which slows it: install libopenblas0-pthread.',
    );
  }
  const others = await Promise.all(variants.slice(1).map(() => start('./torch_engine.py')));
  return [first, ...others].map((process, i) =>
    contender(process, variants[i], {
      name: `PyTorch ${version.replace(/a0$/, '')} ${variants[i]}`,
      family: 'PyTorch',
      most: (name, mode) => (variants[i] === 'traced' && mode === 'train' ? 0 : Number.POSITIVE_INFINITY),
    }),
  );
}

/** Images per call at most: more would take seconds, or gigabytes, and be no faster. */
const numpyImages = { loops: () => 1, im2col: (name) => (name.startsWith('lenet') ? 64 : 16) };

/** numpy, the way of a student's project and the fast way; none where no Python has it. */
export async function numpy() {
  const processes = await Promise.all(Object.keys(numpyImages).map(() => start('./numpy_engine.py')));
  if (processes.includes(null)) return [];
  return Object.entries(numpyImages).map(([variant, most], i) =>
    contender(processes[i], variant, {
      name: `numpy ${processes[i].says.version} ${variant}`,
      family: `numpy ${variant}`,
      most,
    }),
  );
}
