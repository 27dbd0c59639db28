import { constants } from 'node:fs/promises';
import { can, installPackages, where } from './debian-packages.js';

/** Path of the server's own script, or why there is none. */
export type ServerSearch = { script: string } | { script: null; why: string };

/**
 * Where packages put the server's own script. The one on the PATH of Debian changes to another user first and cannot
 * run from a folder of ours.
 */
const serverScripts = [
  '/usr/lib/rabbitmq/bin/rabbitmq-server',
  '/usr/local/sbin/rabbitmq-server',
  '/opt/homebrew/sbin/rabbitmq-server',
];

async function findServer(): Promise<string | null> {
  const [script = null] = await where(serverScripts, (path) => can(path, constants.X_OK));
  return script;
}

/** This machine's rabbitmq-server, installed first where that is possible. Half a minute and 35 MB. */
export async function findOrInstallServer(): Promise<ServerSearch> {
  const script = await findServer();
  if (script !== null) return { script };
  const nowhere = `there is no ${serverScripts.join(', no ')}`;
  const refusal = await installPackages({
    names: ['rabbitmq-server', 'openssl'],
    units: ['rabbitmq-server.service', 'epmd.socket', 'epmd.service'],
    services: ['rabbitmq-server'],
  });
  if (refusal !== null) return { script: null, why: `${nowhere}, and ${refusal}` };
  const installed = await findServer();
  return installed === null
    ? { script: null, why: `${nowhere}, not even after apt-get installed rabbitmq-server` }
    : { script: installed };
}
