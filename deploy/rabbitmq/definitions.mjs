// The accounts and exchanges of definitions.json for a virtual host of your choice, with hashes of passwords of your choice:
//   ONKO_COORDINATOR_PASSWORD=… ONKO_WORKER_PASSWORD=… ONKO_REDUCER_PASSWORD=… node definitions.mjs --vhost lab >lab.json
// A password that is not given is drawn at random and shown, once, on standard error. Only its salted hash goes into the file.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { vhost: { type: 'string', default: 'onko' } } });
if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(values.vhost)) {
  process.stderr.write(`--vhost expected letters, digits, ".", "_" and "-", got "${values.vhost}".\n`);
  process.exit(2);
}

/** As RabbitMQ keeps it: base64(salt ‖ SHA-256(salt ‖ password)), with four bytes of salt. */
function hashOf(password) {
  const salt = randomBytes(4);
  return Buffer.concat([salt, createHash('sha256').update(salt).update(password, 'utf8').digest()]).toString(
    'base64',
  );
}

function passwordOf(user, variable) {
  const given = process.env[variable] ?? '';
  if (given !== '') return given;
  const drawn = randomBytes(24).toString('base64url');
  process.stderr.write(`The password of ${user} is ${drawn}\n`);
  return drawn;
}

const nameOf = (name) => (name === 'onko' ? values.vhost : name.replace(/^onko-/, `${values.vhost}-`));
const template = JSON.parse(readFileSync(new URL('definitions.json', import.meta.url), 'utf8'));
const inVhost = (entries) => entries.map((entry) => ({ ...entry, vhost: values.vhost }));
const ofUser = (entries) => inVhost(entries).map((entry) => ({ ...entry, user: nameOf(entry.user) }));
const variables = {
  'onko-coordinator': 'ONKO_COORDINATOR_PASSWORD',
  'onko-worker': 'ONKO_WORKER_PASSWORD',
  'onko-reducer': 'ONKO_REDUCER_PASSWORD',
};

const definitions = {
  vhosts: [{ name: values.vhost }],
  users: template.users.map((user) => ({
    ...user,
    name: nameOf(user.name),
    password_hash: hashOf(passwordOf(nameOf(user.name), variables[user.name])),
  })),
  permissions: ofUser(template.permissions),
  topic_permissions: ofUser(template.topic_permissions),
  exchanges: inVhost(template.exchanges),
};
process.stdout.write(`${JSON.stringify(definitions, null, 2)}\n`);
