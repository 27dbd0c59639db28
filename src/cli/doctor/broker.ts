import { redactUrl, silentLog } from '../../metrics/index.js';
import { type BrokerInspection, brokerRoles, inspectRabbit } from '../../transport/index.js';
import type { BrokerAccess } from '../broker-access.js';
import { assertNever } from './assert-never.js';
import { bad, type Finding, failed, note, ok } from './finding.js';

/** Everything that can be known of a broker without disturbing its runs. `name` is one that nobody else has. */
export async function checkBroker(
  access: BrokerAccess,
  name: string,
  wallMs: () => number,
): Promise<Finding[]> {
  let broker: BrokerInspection;
  try {
    broker = await inspectRabbit({ ...access, name, log: silentLog });
  } catch (error) {
    return [failed('broker', error)];
  }
  return [
    ok('broker', `${redactUrl(access.url)} answers`),
    judgeVersion(broker),
    judgeAccount(broker),
    ...judgeLargest(broker),
    judgeClock(await askBrokerClock(broker.host), wallMs()),
  ];
}

/** What the tests run on begins here. */
const oldest = [3, 10] as const;

export function judgeVersion({
  product,
  version,
  connectMs,
}: Pick<BrokerInspection, 'product' | 'version' | 'connectMs'>): Finding {
  const says = `${product} ${version}, connected in ${Math.round(connectMs)} ms`;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (product === 'RabbitMQ' && (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])))
    return ok('version', says);
  return note('version', says, 'Onko is tested with RabbitMQ 3.10 to 4.x; use one of these.');
}

export function judgeAccount({
  user,
  vhost,
  refusals,
}: Pick<BrokerInspection, 'user' | 'vhost' | 'refusals'>): Finding {
  const who = `user ${user} on virtual host ${vhost}`;
  const may = brokerRoles.filter((role) => refusals[role] === null);
  const mayNot = brokerRoles.filter((role) => refusals[role] !== null);
  if (may.length === 0)
    return bad('account', 4, `${who} may be none of ${listed(mayNot, 'and')}. ${refusals.worker}`, null);
  const not = mayNot.length === 0 ? '' : `, and not ${listed(mayNot, 'or')}`;
  return ok('account', `${who} may be ${listed(may, 'and')}${not}`);
}

/** `a`, `a and b`, `a, b and c` */
const listed = (words: readonly string[], last: string): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${String(words.at(-1))}`;

/** Nothing if it could not be tried. */
export function judgeLargest({ largest }: Pick<BrokerInspection, 'largest'>): Finding[] {
  if (largest === null) return [];
  const size = `${largest.sizeBytes / 2 ** 20} MiB`;
  switch (largest.outcome) {
    case 'confirmed':
      return [
        ok('messages', `${size}, the largest that Onko sends, confirmed in ${Math.round(largest.ms)} ms`),
      ];
    case 'blocked':
      return [
        bad(
          'messages',
          4,
          `the broker takes none at the moment: ${largest.why}`,
          '`rabbitmq-diagnostics alarms` on its machine says what it is short of: memory or disk.',
        ),
      ];
    case 'refused':
      return [
        bad(
          'messages',
          4,
          `the broker does not take one of ${size}, the largest that Onko sends: ${largest.why}`,
          'Set max_message_size = 16777216 in rabbitmq.conf.',
        ),
      ];
    default:
      return assertNever(largest);
  }
}

/** What a web server beside the broker says the time is, in milliseconds since 1970, and how finely. */
export interface BrokerClock {
  wallMs: number;
  stepMs: number;
}

/** The pages of RabbitMQ's plugins: management, Prometheus. No password is sent. */
const pages = [15672, 15692];

/** AMQP tells no time, but HTTP does. null if neither page can be reached from here. */
export async function askBrokerClock(
  host: string,
  ports: readonly number[] = pages,
): Promise<BrokerClock | null> {
  const name = host.includes(':') ? `[${host}]` : host;
  for (const port of ports) {
    const date = await fetch(`http://${name}:${port}/`, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(1500),
    }).then(
      ({ headers }) => headers.get('date'),
      () => null,
    );
    const wallMs = Date.parse(date ?? '');
    if (!Number.isNaN(wallMs)) return { wallMs, stepMs: 1000 };
  }
  return null;
}

/** Beyond this, times of different machines in logs and traces are puzzling. */
const apartMs = 5000;

export function judgeClock(broker: BrokerClock | null, hereMs: number): Finding {
  if (broker === null)
    return ok('its clock', 'not known: neither its management page nor its metrics can be reached from here');
  // Times are cut off to whole seconds: on average half a second is missing.
  const apart = hereMs - (broker.wallMs + broker.stepMs / 2);
  const seconds = (Math.abs(apart) / 1000).toFixed(1);
  if (Math.abs(apart) <= apartMs) return ok('its clock', `within ${seconds} s of this one`);
  return note(
    'its clock',
    `${seconds} s ${apart > 0 ? 'behind' : 'ahead of'} this one: the logs of the machines do not fit together (training does not depend on it)`,
    'Let a time service set both (timedatectl set-ntp true).',
  );
}
