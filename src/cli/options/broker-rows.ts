import * as kind from './kinds.js';
import { grouped } from './table.js';

const cluster = grouped('Cluster');
const tls = grouped('TLS (amqps://)');

/** Where the broker is and how to be let in, for every command that speaks with one. `broker-access.ts` makes one thing of them. */
export const brokerRows = {
  broker: cluster.optional(
    kind.brokerUrl,
    'required, here or in --broker-file',
    'RabbitMQ’s address; amqps:// for TLS. A password in a flag is seen by every user of the machine: prefer the variable or --broker-file',
  ),
  brokerFile: cluster.optional(
    kind.path('FILE'),
    null,
    'file with RabbitMQ’s address, and nothing else, for an address that holds a password',
  ),
  tlsCa: tls.optional(
    kind.path('FILE'),
    'the authorities that Node knows',
    'PEM file of the authority that signed the broker’s certificate',
  ),
  tlsCert: tls.optional(
    kind.path('FILE'),
    null,
    'PEM file of this side’s certificate, for a broker that asks for one; needs --tls-key',
  ),
  tlsKey: tls.optional(kind.path('FILE'), null, 'PEM file of the private key of --tls-cert, not encrypted'),
  tlsServerName: tls.optional(
    kind.text('NAME'),
    'the host of the address',
    'name that the broker’s certificate must have, where it differs from the host of the address',
  ),
} as const;

/** How long a command that stays connected waits for the broker. */
export const brokerWaitRows = {
  brokerWait: cluster.value(
    kind.integer({ min: 0 }, 'SECONDS'),
    0,
    'how long to wait at the start for a broker that does not answer yet, in seconds',
  ),
  brokerRetry: cluster.value(
    kind.integer({ min: 1 }, 'SECONDS'),
    300,
    'how long to go on trying when the broker has gone away, in seconds',
  ),
} as const;
