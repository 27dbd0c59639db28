import type { Options } from 'amqplib';
import { BrokerError } from '../errors.js';

/** A broker URL taken apart, and how to speak of it without the password. */
export interface BrokerAddress {
  secure: boolean;
  host: string;
  port: number;
  user: string;
  password: string;
  vhost: string;
  /** host:port */
  place: string;
}

const example = 'Expected something like amqp://USER:PASSWORD@HOST:5672/VHOST';

/** BrokerError if it is no amqp or amqps URL; the message does not repeat it, since it may hold a password. */
export function parseBrokerUrl(text: string): BrokerAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new BrokerError(`The broker URL is not a URL. ${example}.`);
  }
  if (url.protocol !== 'amqp:' && url.protocol !== 'amqps:') {
    throw new BrokerError(`The broker URL starts with ${url.protocol} ${example}, or amqps:// with TLS.`);
  }
  const host = url.hostname.replaceAll(/^\[|\]$/g, '');
  if (host === '') throw new BrokerError(`The broker URL names no host. ${example}.`);
  const secure = url.protocol === 'amqps:';
  const port = url.port === '' ? (secure ? 5671 : 5672) : Number(url.port);
  const anonymous = url.username === '' && url.password === '';
  try {
    return {
      secure,
      host,
      port,
      user: anonymous ? 'guest' : decodeURIComponent(url.username),
      password: anonymous ? 'guest' : decodeURIComponent(url.password),
      vhost: decodeURIComponent(url.pathname.slice(1)) || '/',
      place: `${url.hostname}:${port}`,
    };
  } catch {
    throw new BrokerError(
      'The broker URL has a % that is not followed by two hex digits. Write a % itself as %25.',
    );
  }
}

/** What amqplib wants to know. It unescapes the virtual host once more. */
export function connectOptions(address: BrokerAddress, heartbeatSeconds: number): Options.Connect {
  return {
    protocol: address.secure ? 'amqps' : 'amqp',
    hostname: address.host,
    port: address.port,
    username: address.user,
    password: address.password,
    vhost: encodeURIComponent(address.vhost),
    frameMax: 131_072,
    heartbeat: heartbeatSeconds,
  };
}
