const credentials = /\b([a-z][a-z0-9+.-]*:\/\/)\S*@/gi;

/**
 * `amqp://user:secret@host/vhost` → `amqp://***@host/vhost`, wherever such a URL stands in the text.
 *
 * Everything between `://` and the last `@` of the same word goes: a password may itself hold `@`, `/` or quotes, and hiding
 * too much of a log line is better than showing half a password.
 */
export function redactText(text: string): string {
  return text.replace(credentials, '$1***@');
}

/** A broker URL as it may be shown: without user name and password. */
export function redactUrl(url: string): string {
  return redactText(url.trim());
}

/** A copy of any value with every string in it redacted; errors become their message, byte arrays their length. */
export function redactValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return redactText(value.message);
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (depth >= 4) return '…';
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [redactText(key), redactValue(item, depth + 1)]),
  );
}
