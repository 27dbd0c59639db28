import { hostname } from 'node:os';
import { startReducer } from '../../reducer/index.js';
import type { ExitCode } from '../exit-codes.js';
import { version } from '../host.js';
import type { Values } from '../options/table.js';
import type { reducerTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { serveAsMember } from './member.js';

/** `reducer start`: sums for one run after the other until it is told to go. Leaving in order is success: exit code 0. */
export async function runReducerStart(
  values: Values<typeof reducerTable>,
  session: Session,
): Promise<ExitCode> {
  const { host, log } = session;
  const unsaid = 'the range could not be given back';
  const { runs, sums } = await serveAsMember('reducer', values, session, unsaid, ({ name, ...parts }) =>
    startReducer({
      ...parts,
      reducer: name,
      ...(values.kernels === null ? {} : { kernels: values.kernels }),
      once: values.once,
      run: values.run,
      log,
      machine: { host: hostname(), pid: host.pid },
      version,
    }),
  );
  log.info('the reducer is done', { runs, sums });
  return 0;
}
