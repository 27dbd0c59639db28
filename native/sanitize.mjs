// Runs the tests of the native kernels under AddressSanitizer and UndefinedBehaviorSanitizer; works on a copy, so that what is built
// stays. Needs gcc with its sanitizers: `--install` gets them on Debian and Ubuntu, as root; without them it fails and says so.
//   npm run build && node native/sanitize.mjs [--install] [arguments for Vitest]
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [install, vitestArguments] = [
  process.argv.includes('--install'),
  process.argv.slice(2).filter((argument) => argument !== '--install'),
];

/** Paths of the sanitizers' libraries; null unless gcc has both. */
function findLibraries() {
  const paths = ['libasan.so', 'libubsan.so'].map((library) =>
    spawnSync('gcc', [`-print-file-name=${library}`], { encoding: 'utf8' }).stdout?.trim(),
  );
  return paths.every((path) => path?.startsWith('/')) ? paths : null;
}

function aptGet(...args) {
  return spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
  });
}

/** Why the compiler cannot be installed, or null once it is. */
function installCompiler() {
  if (!existsSync('/usr/bin/apt-get')) return 'there is no apt-get to install it with';
  if (process.getuid?.() !== 0) return 'only root can install it';
  // A source that cannot be reached need not be the one that has the packages.
  aptGet('update');
  const { status, stderr } = aptGet('install', '-y', '--no-install-recommends', 'gcc', 'libc6-dev');
  return status === 0 ? null : `apt-get could not install it: ${stderr?.trim()}`;
}

let libraries = findLibraries();
let why = 'run this as root with --install';
if (libraries === null && install) {
  why = installCompiler() ?? 'not even after apt-get installed gcc';
  libraries = findLibraries();
}
if (libraries === null) {
  console.error(
    `The native kernels were not tested under the sanitizers. Install gcc with its libasan and libubsan (Debian and Ubuntu: gcc, libc6-dev); ${why}.`,
  );
  process.exit(1);
}

const copy = mkdtempSync(join(tmpdir(), 'onko-sanitize-'));
try {
  // With the sources, to which the source maps point.
  for (const name of ['dist', 'src', 'native', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  // What was built without sanitizers must not pass for what was built with them.
  for (const name of ['build.json', `onko-${process.platform}-${process.arch}.node`]) {
    rmSync(join(copy, 'dist/engine/kernels/native', name), { force: true });
  }
  const run = (args, env = {}) =>
    spawnSync(process.execPath, args, { cwd: copy, stdio: 'inherit', env: { ...process.env, ...env } })
      .status;
  const watched = {
    LD_PRELOAD: libraries.join(':'),
    // Node frees little before it ends; what leaks here is not ours to tell.
    ASAN_OPTIONS: 'detect_leaks=0',
  };
  run(['native/build.mjs', '--sanitize', '--compiler', 'gcc']);
  // Without the addon the tests would find no instruction set, and pass.
  const addon = `./dist/engine/kernels/native/onko-${process.platform}-${process.arch}.node`;
  const loads = `process.exit(Object.keys(require('${addon}')).length > 0 ? 0 : 1)`;
  if (run(['--eval', loads], watched) === 0) {
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', 'test/engine/kernels/native', '--pool=forks'];
    process.exitCode = run([...vitest, ...vitestArguments], watched) ?? 1;
  } else {
    console.error(
      'The native kernels were not tested under the sanitizers: gcc built none that this processor runs.',
    );
    process.exitCode = 1;
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
