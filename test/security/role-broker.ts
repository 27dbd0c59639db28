import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type PrivateBroker, startPrivateBroker } from '../support/broker.js';

const run = promisify(execFile);
const generator = fileURLToPath(new URL('../../deploy/rabbitmq/definitions.mjs', import.meta.url));

/** Passwords that no other text in an output can be by chance. */
export const passwords = {
  coordinator: 'c00rd/inat@r-s3cret',
  worker: 'w0rk%r-s3cret',
  reducer: 'r3duc#r-s3cret',
} as const;

export type Role = keyof typeof passwords;

/** A broker with the accounts of deploy/rabbitmq, as its README says to make them. */
export interface RoleBroker {
  broker: PrivateBroker;
  vhost: string;
  url(role: Role): string;
}

/** Imports what definitions.mjs prints for this virtual host. */
export async function importRoles(broker: PrivateBroker, vhost: string): Promise<void> {
  const { stdout } = await run(process.execPath, [generator, '--vhost', vhost], {
    env: {
      ONKO_COORDINATOR_PASSWORD: passwords.coordinator,
      ONKO_WORKER_PASSWORD: passwords.worker,
      ONKO_REDUCER_PASSWORD: passwords.reducer,
    },
  });
  await importDefinitions(broker, stdout);
}

export async function importDefinitions(broker: PrivateBroker, json: string): Promise<void> {
  const body = Buffer.from(json).toString('base64');
  await broker.evaluate(`ok = rabbit_definitions:import_raw(base64:decode(<<"${body}">>))`);
}

export function roleUrl(brokerUrl: string, vhost: string, role: Role): string {
  const url = new URL(brokerUrl);
  url.username = `${vhost}-${role}`;
  // The setter escapes what must be, but leaves a % alone.
  url.password = encodeURIComponent(passwords[role]);
  url.pathname = `/${vhost}`;
  return url.href;
}

export async function startRoleBroker(vhost: string): Promise<RoleBroker> {
  const broker = await startPrivateBroker();
  await importRoles(broker, vhost);
  return { broker, vhost, url: (role) => roleUrl(broker.url, vhost, role) };
}
