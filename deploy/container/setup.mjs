// What `docker compose up` needs before anything else can start (../compose.yaml), drawn once and then left alone:
//   /secrets/broker/definitions.json    accounts for RabbitMQ, with hashes of their passwords
//   /secrets/coordinator/url            the address of the broker for the coordinator, with its password
//   /secrets/worker/url                 the same for workers
//   /secrets/grafana/password           of Grafana's admin
//   /data                               a demo set, unless there is a data set
// Each folder is a volume of its own, given to its reader only; so the files may be read by whatever user the reader runs as.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const {
  values: { secrets, data, broker },
} = parseArgs({
  options: {
    secrets: { type: 'string', default: '/secrets' },
    data: { type: 'string', default: '/data' },
    broker: { type: 'string', default: 'broker:5672' },
  },
});

/** Whole or not at all. */
function write(path, content) {
  writeFileSync(`${path}.new`, content, { mode: 0o444 });
  renameSync(`${path}.new`, path);
}

const password = () => randomBytes(24).toString('base64url');
const files = {
  coordinator: `${secrets}/coordinator/url`,
  worker: `${secrets}/worker/url`,
  definitions: `${secrets}/broker/definitions.json`,
  grafana: `${secrets}/grafana/password`,
};
// The definitions come last: with them all three belong together.
if (existsSync(files.definitions) && existsSync(files.coordinator) && existsSync(files.worker)) {
  console.log('accounts: there');
} else {
  const passwords = { coordinator: password(), worker: password() };
  for (const role of ['coordinator', 'worker'])
    write(files[role], `amqp://onko-${role}:${passwords[role]}@${broker}/onko\n`);
  const script = new URL('../rabbitmq/definitions.mjs', import.meta.url).pathname;
  const env = {
    ONKO_COORDINATOR_PASSWORD: passwords.coordinator,
    ONKO_WORKER_PASSWORD: passwords.worker,
    // Nobody is told: there is no reducer here.
    ONKO_REDUCER_PASSWORD: password(),
  };
  write(files.definitions, execFileSync(process.execPath, [script, '--vhost', 'onko'], { env }));
  console.log('accounts: drawn');
}
if (existsSync(files.grafana)) {
  console.log('password of Grafana: there');
} else {
  write(files.grafana, password());
  console.log('password of Grafana: drawn');
}
if (readdirSync(data).some((name) => name.endsWith('.csv'))) {
  console.log('data set: there');
} else {
  const onko = new URL('../../dist/cli/onko.js', import.meta.url).pathname;
  execFileSync(process.execPath, [onko, 'dataset', 'demo', data], { stdio: 'inherit' });
}
