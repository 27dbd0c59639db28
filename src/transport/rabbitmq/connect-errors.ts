import { AccessRefusedError, BrokerError } from '../errors.js';
import type { BrokerAddress } from './address.js';
import type { TlsOptions } from './options.js';
import { explainTlsError } from './tls-errors.js';

/** Any failure to connect → a sentence or two that say what to check. Never the password. */
export function explainConnectError(
  error: unknown,
  address: BrokerAddress,
  timeoutMs: number,
  tls: TlsOptions = {},
): BrokerError {
  if (error instanceof BrokerError) return error;
  const aboutTls = address.secure ? explainTlsError(error, address, tls) : null;
  return new BrokerError(aboutTls ?? sentence(codeOf(error), messageOf(error), address, timeoutMs), {
    cause: withoutSecrets(error, address),
  });
}

function sentence(code: string, message: string, address: BrokerAddress, timeoutMs: number): string {
  const { place, host, user, vhost } = address;
  if (/ACCESS[-_]REFUSED/i.test(message)) {
    return `RabbitMQ at ${place} refused user ${user} (virtual host ${vhost}): wrong user name or password, or guest from another machine.`;
  }
  // The broker says which of the two it is, but amqplib keeps that to itself.
  if (/got <ConnectionClose/.test(message)) {
    return `RabbitMQ at ${place} does not let user ${user} use virtual host ${vhost}: it does not exist (rabbitmqctl add_vhost), or the user may not (rabbitmqctl set_permissions).`;
  }
  switch (code) {
    case 'ECONNREFUSED':
      return `Nothing listens at ${place}: the connection was refused. Is RabbitMQ running there, and is the port right?`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host ${host} of the broker URL cannot be found. Check its spelling and this machine's network.`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `There is no way to ${place} from this machine's network (${code}).`;
    case 'ETIMEDOUT':
      return `No answer from ${place} within ${timeoutMs} ms. Check host, port and firewall.`;
    default:
  }
  if (/ETIMEDOUT|timed? ?out/i.test(message)) {
    return `No answer from ${place} within ${timeoutMs} ms. Check host, port and firewall.`;
  }
  if (code === 'ECONNRESET' || /abruptly|frame|Expected Connection|AMQP|SASL|EPIPE/i.test(message)) {
    return `What answers at ${place} does not speak AMQP 0-9-1. RabbitMQ does at port 5672, or at 5671 with TLS, whose address begins with amqps:// (15672 is its web page).`;
  }
  return `Cannot connect to RabbitMQ at ${place}: ${hidden(message, address)}.`;
}

/** RESOURCE_LOCKED: an exclusive queue belongs to another connection. */
export function isResourceLocked(error: unknown): boolean {
  return replyCode(error) === 405;
}

/** NOT_FOUND: no such queue or exchange. */
export function isNotFound(error: unknown): boolean {
  return replyCode(error) === 404;
}

/** ACCESS_REFUSED: the account may not do that. */
export function isAccessRefused(error: unknown): boolean {
  return replyCode(error) === 403;
}

/** What the broker says in full: which right to what, in which virtual host, for which user. */
export function accessRefused(error: unknown): AccessRefusedError {
  const said = /"([^"]*)"/.exec(messageOf(error))?.[1] ?? messageOf(error);
  return new AccessRefusedError(
    `RabbitMQ refused what this command needs: ${said}. Give the account the permissions of its role (deploy/rabbitmq/definitions.json), and use the coordinator's account for coordinators only.`,
    { cause: error },
  );
}

/** An error of the running connection, in short, for logs. */
export function shortReason(error: unknown, address: BrokerAddress): string {
  return hidden(error === undefined ? 'connection closed' : messageOf(error), address);
}

function replyCode(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, 'code') : undefined;
}

function codeOf(error: unknown): string {
  const code = replyCode(error);
  return typeof code === 'string' ? code : '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function hidden(message: string, address: BrokerAddress): string {
  const secrets = [address.password, encodeURIComponent(address.password)].filter(
    (secret) => secret.length > 0,
  );
  return secrets.reduce((text, secret) => text.replaceAll(secret, '***'), message);
}

/** The original error as cause, unless it quotes the password. */
function withoutSecrets(error: unknown, address: BrokerAddress): unknown {
  return address.password !== 'guest' && messageOf(error).includes(address.password) ? undefined : error;
}
