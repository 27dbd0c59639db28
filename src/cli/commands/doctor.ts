import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { brokerAccess, namesBroker } from '../broker-access.js';
import { checkBroker } from '../doctor/broker.js';
import { type Finding, failed, ok, shown } from '../doctor/finding.js';
import {
  checkClock,
  checkDecoder,
  checkKernels,
  checkMachine,
  checkNode,
  describeMemory,
} from '../doctor/machine.js';
import { checkCache, checkData, checkLastModel, checkOut } from '../doctor/places.js';
import type { ExitCode } from '../exit-codes.js';
import { defaultCacheDir } from '../folders.js';
import { version } from '../host.js';
import type { Values } from '../options/table.js';
import type { doctorTable } from '../options/tables.js';
import type { Session } from '../session.js';

/** `onko doctor`: exit code of the first thing that is wrong, 0 if nothing is. */
export async function runDoctor(values: Values<typeof doctorTable>, session: Session): Promise<ExitCode> {
  const { host } = session;
  const clocks = { wallMs: Date.now, monotonicMs: host.now, pause: (ms: number) => pause(ms) };
  const findings: Finding[] = [
    ok('onko', version),
    checkNode(host.nodeVersion),
    checkMachine(),
    checkKernels(values.kernels),
    describeMemory(),
    await checkDecoder(),
    await checkClock(clocks),
    await checkCache(values.cacheDir ?? defaultCacheDir(host.env)),
    await checkOut(values.out ?? 'runs'),
    ...(values.data === null ? [] : [await checkData(values.data)]),
    await checkLastModel(host.env),
    ...(namesBroker(values) ? await tryBroker(values) : []),
  ];
  session.print(values.json ? JSON.stringify(findings, null, 2) : shown(findings));
  return findings.find(({ code }) => code !== 0)?.code ?? 0;
}

/** Options that are wrong are a finding too: the rest is worth knowing. */
async function tryBroker(values: Values<typeof doctorTable>): Promise<Finding[]> {
  try {
    return await checkBroker(
      await brokerAccess(values),
      `doctor-${randomBytes(6).toString('hex')}`,
      Date.now,
    );
  } catch (error) {
    return [failed('broker', error)];
  }
}
