import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isIdentifier } from '../../protocol/index.js';
import { openRabbitObserver } from '../../transport/index.js';
import { brokerAccess } from '../broker-access.js';
import { NoAnswerError, UsageError } from '../errors.js';
import type { ExitCode } from '../exit-codes.js';
import type { Values } from '../options/table.js';
import type { drainTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { newMemberId } from './member.js';

const lookEveryMs = 250;

/** `onko drain`: asks a worker to leave, and waits until it has. */
export async function runDrain(values: Values<typeof drainTable>, session: Session): Promise<ExitCode> {
  const { host, log, operand: worker, signals } = session;
  if (!isIdentifier(worker)) {
    throw new UsageError(
      `"${worker}" cannot be a worker's name; \`onko status\` shows those that take part.`,
    );
  }
  const link = await openRabbitObserver({
    ...(await brokerAccess(values)),
    observer: newMemberId(hostname(), host.pid),
    connectionName: 'onko drain',
    log,
  });
  try {
    if (!(await link.drain(worker, `onko drain on ${hostname()}`))) {
      throw new NoAnswerError(
        `There is no worker named ${worker} on this broker; \`onko status\` shows those that take part in a run.`,
      );
    }
    if (values.wait === 0) {
      session.print(`Worker ${worker} is asked to leave.`);
      return 0;
    }
    const startMs = host.now();
    while (await link.hasWorker(worker)) {
      signals.stop.throwIfAborted();
      if (host.now() - startMs >= values.wait * 1000) {
        throw new NoAnswerError(
          `Worker ${worker} was asked to leave, and is still there after ${values.wait} s: its block may take longer. It leaves when that is done.`,
        );
      }
      await sleep(lookEveryMs);
    }
    session.print(`Worker ${worker} has handed in its work and left.`);
    return 0;
  } finally {
    await link.close();
  }
}
