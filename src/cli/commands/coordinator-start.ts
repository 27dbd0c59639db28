import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { redactUrl } from '../../metrics/index.js';
import { createRabbitTransport, type RabbitOptions, timeRabbitMessage } from '../../transport/index.js';
import { brokerAccess } from '../broker-access.js';
import { UsageError } from '../errors.js';
import type { ExitCode } from '../exit-codes.js';
import type { Values } from '../options/table.js';
import type { coordinatorTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { checkRunName } from './run-name.js';
import { runTraining } from './run-training.js';

/** `coordinator start`: a run over RabbitMQ. */
export async function runCoordinatorStart(
  values: Values<typeof coordinatorTable>,
  session: Session,
): Promise<ExitCode> {
  checkRunName(values.run);
  if (values.takeOver && !values.resume)
    throw new UsageError(
      '--take-over needs --resume, and --out RUN_DIR with the folder of the run to take over.',
    );
  const access = await brokerAccess(values);
  const shownUrl = redactUrl(access.url);
  const broker: RabbitOptions = {
    ...access,
    waitForBrokerMs: values.brokerWait * 1000,
    retryForMs: values.brokerRetry * 1000,
    connectionName: 'onko coordinator',
    log: session.log,
  };
  return runTraining(
    values,
    {
      minWorkers: values.minWorkers,
      reducers: values.reducers,
      workerWaitMs: values.workerWait === null ? null : values.workerWait * 1000,
      heartbeatMs: values.heartbeatMs,
      run: { name: values.run, takeOver: values.takeOver },
      workerCommand: `worker start --broker ${shownUrl}`,
      resumeCommand: `coordinator start --broker ${shownUrl}`,
      // A worker takes all cores of its machine unless it is told otherwise; that it is a machine like this one is all that can be supposed.
      way: {
        workers: values.minWorkers,
        threadsPerWorker: availableParallelism(),
        messageMs: (sizeBytes) => timeRabbitMessage({ ...broker, name: randomUUID() }, sizeBytes),
      },
      openTransport: async () => createRabbitTransport(broker),
      startWorkers: async () => async () => {},
    },
    session,
  );
}
