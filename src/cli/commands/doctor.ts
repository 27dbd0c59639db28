import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, freemem, hostname, totalmem } from 'node:os';
import { join } from 'node:path';
import {
  buildModel,
  createPlan,
  LANES,
  namedSpecs,
  referenceKernels,
  resolveKernels,
} from '../../engine/index.js';
import { redactUrl, silentLog } from '../../metrics/index.js';
import { createRabbitTransport } from '../../transport/index.js';
import { brokerAccess, namesBroker } from '../broker-access.js';
import { type ExitCode, explainError } from '../exit-codes.js';
import { defaultCacheDir, lastModel } from '../folders.js';
import { version } from '../host.js';
import type { Values } from '../options/table.js';
import type { doctorTable } from '../options/tables.js';
import type { Session } from '../session.js';

interface Finding {
  what: string;
  /** 0 is fine; else the exit code that this would lead to. */
  code: ExitCode;
  says: string;
}

/** `onko doctor`: exit code of the first thing that is wrong, 0 if nothing is. */
export async function runDoctor(values: Values<typeof doctorTable>, session: Session): Promise<ExitCode> {
  const { host } = session;
  const cacheDir = values.cacheDir ?? defaultCacheDir(host.env);
  const findings: Finding[] = [
    { what: 'onko', code: 0, says: version },
    checkNode(host.nodeVersion),
    checkMachine(),
    checkKernels(values.kernels),
    describeMemory(),
    await checkDecoder(),
    await checkCache(cacheDir),
    await checkLastModel(host.env),
  ];
  if (namesBroker(values)) findings.push(await checkBroker(values));
  session.print(
    findings
      .map(({ what, code, says }) => `${code === 0 ? 'ok  ' : 'BAD '}  ${what.padEnd(12)} ${says}`)
      .join('\n'),
  );
  return findings.find(({ code }) => code !== 0)?.code ?? 0;
}

export function checkNode(found: string): Finding {
  const [major = 0, minor = 0] = found.split('.').map(Number);
  const fits = major > 20 || (major === 20 && minor >= 19);
  return { what: 'node', code: fits ? 0 : 1, says: fits ? found : `${found}, but Onko needs 20.19 or newer` };
}

function gigabytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}

function checkMachine(): Finding {
  const memory = `${gigabytes(freemem())} of ${gigabytes(totalmem())} GiB memory free`;
  return { what: 'machine', code: 0, says: `${hostname()}, ${availableParallelism()} cores, ${memory}` };
}

function checkKernels(requested: string | null): Finding {
  try {
    const { kernels, reason } = resolveKernels(requested ?? undefined);
    return { what: 'kernels', code: 0, says: `${kernels.name} (${reason}), numerics ${kernels.numericsId}` };
  } catch (error) {
    return { what: 'kernels', ...asFinding(error) };
  }
}

/** What a thread needs for each named model besides parameters and samples: the same whatever the kernels and the batch. */
function describeMemory(): Finding {
  const scaling = { channels: 1, mean: 0, std: 1 } as const;
  const plans = [...namedSpecs].map(([name, spec]) => {
    const { memory } = createPlan(buildModel(spec), referenceKernels, { capacity: LANES, scaling });
    return `${name} ${(memory.totalBytes / 2 ** 20).toFixed(1)} MiB`;
  });
  return { what: 'memory', code: 0, says: `activations and gradients per thread: ${plans.join(', ')}` };
}

async function checkDecoder(): Promise<Finding> {
  try {
    const { default: sharp } = await import('sharp');
    return { what: 'decoder', code: 0, says: `libvips ${sharp.versions.vips}` };
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown reason';
    return {
      what: 'decoder',
      code: 3,
      says: `sharp cannot be loaded (${why}); install again with \`npm ci\``,
    };
  }
}

async function checkCache(cacheDir: string): Promise<Finding> {
  const probe = join(cacheDir, `.doctor-${Date.now()}`);
  try {
    await mkdir(cacheDir, { recursive: true });
    await writeFile(probe, '');
    await rm(probe);
    return { what: 'cache', code: 0, says: `${cacheDir} can be written` };
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
    return {
      what: 'cache',
      code: 7,
      says: `${cacheDir} cannot be written (${why}); choose one with --cache-dir`,
    };
  }
}

async function checkLastModel(env: Session['host']['env']): Promise<Finding> {
  const path = await lastModel(env).catch(() => null);
  if (path === null) return { what: 'last run', code: 0, says: 'none yet' };
  const there = await stat(path).then(
    () => true,
    () => false,
  );
  return { what: 'last run', code: 0, says: there ? path : `${path}, which is no longer there` };
}

async function checkBroker(values: Values<typeof doctorTable>): Promise<Finding> {
  try {
    const access = await brokerAccess(values);
    const transport = await createRabbitTransport({ ...access, retryForMs: 0, log: silentLog });
    await transport.close();
    return { what: 'broker', code: 0, says: `${redactUrl(access.url)} answers` };
  } catch (error) {
    return { what: 'broker', ...asFinding(error) };
  }
}

function asFinding(error: unknown): { code: ExitCode; says: string } {
  const { code, message } = explainError(error);
  return { code, says: message };
}
