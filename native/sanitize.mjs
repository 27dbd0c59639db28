// Runs the tests of the native kernels under AddressSanitizer and UndefinedBehaviorSanitizer. Needs gcc, and says so where there is
// none; works on a copy, so that what is built stays.
//   npm run build && node native/sanitize.mjs
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const find = (library) =>
  spawnSync('gcc', [`-print-file-name=${library}`], { encoding: 'utf8' }).stdout?.trim();
const libraries = ['libasan.so', 'libubsan.so'].map(find);
if (libraries.some((path) => path === undefined || !path.startsWith('/'))) {
  console.log('The sanitizers were not run: they need gcc with its libasan and libubsan.');
  process.exit(0);
}
const copy = mkdtempSync(join(tmpdir(), 'onko-sanitize-'));
try {
  for (const name of ['dist', 'native', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const run = (args, env = {}) =>
    spawnSync(process.execPath, args, { cwd: copy, stdio: 'inherit', env: { ...process.env, ...env } })
      .status;
  const built = run(['native/build.mjs', '--sanitize', '--compiler', 'gcc']);
  const tested =
    built === 0
      ? run(['node_modules/vitest/vitest.mjs', 'run', 'test/engine/kernels/native', '--pool=forks'], {
          LD_PRELOAD: libraries.join(':'),
          // Node frees little before it ends; what leaks here is not ours to tell.
          ASAN_OPTIONS: 'detect_leaks=0',
        })
      : 1;
  process.exitCode = tested ?? 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}
