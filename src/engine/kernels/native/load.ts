import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import type { Addon } from './native.js';

/** What stands beside this file, if the build of the native kernels left anything: see native/build.mjs. */
const file = `./onko-${platform()}-${arch()}.node`;

/** The addon of this platform, or why there is none: one sentence without its full stop. */
export function loadAddon(): { addon: Addon } | { missing: string } {
  try {
    const addon: Addon = createRequire(import.meta.url)(file);
    if (Object.keys(addon).length > 0) return { addon };
    return { missing: 'this processor has no fused multiply-adds (AVX2 with FMA) for the native kernels' };
  } catch (error) {
    const failures = buildFailures();
    if (failures !== '') return { missing: `the native kernels could not be built: ${failures}` };
    const absent = error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
    if (absent) return { missing: `the native kernels are not built for ${platform()}-${arch()}` };
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown reason';
    return { missing: `the native kernels cannot be loaded: ${why}` };
  }
}

function buildFailures(): string {
  try {
    const record: unknown = JSON.parse(readFileSync(new URL('./build.json', import.meta.url), 'utf8'));
    const failures =
      typeof record === 'object' && record !== null && 'failures' in record ? record.failures : [];
    return Array.isArray(failures) ? failures.join('; ') : '';
  } catch {
    return '';
  }
}
