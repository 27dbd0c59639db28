import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request that cannot be served, in words for whoever sent it. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * What comes after an error is read and dropped: a client that is still sending would not hear the answer otherwise. The server ends it
 * when it takes too long.
 * @throws RequestError 413 for a body of more than `mostBytes`, 400 of a client that went away
 */
export function readBody(request: IncomingMessage, mostBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= mostBytes) chunks.push(chunk);
      else refuse();
    };
    const refuse = (): void => {
      request.off('data', take);
      chunks = [];
      request.resume();
      reject(new RequestError(413, `The image is too large: at most ${mostBytes} bytes are taken.`));
    };
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('close', () => reject(new RequestError(400, 'The image did not come whole.')));
    request.once('error', () => undefined);
    if (Number(request.headers['content-length'] ?? 0) > mostBytes) refuse();
    else request.on('data', take);
  });
}

/**
 * A page of another site can send here, too, though it cannot read the answer: it shall not even make this machine work.
 * @throws RequestError 403
 */
export function checkOrigin({ headers }: IncomingMessage): void {
  const { origin, host } = headers;
  if (origin === undefined) return;
  const from = URL.canParse(origin) ? new URL(origin).host : '';
  if (from !== '' && from === host?.toLowerCase()) return;
  throw new RequestError(403, 'Pages of other sites may not ask here.');
}

/** @throws RequestError 415 for a form in place of the image itself */
export function checkType({ headers }: IncomingMessage): void {
  if (!/^multipart\//i.test(headers['content-type'] ?? '')) return;
  throw new RequestError(
    415,
    'Send the bytes of the image as the body, not a form: curl --data-binary @digit.png, not -F.',
  );
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const body = `${JSON.stringify(value)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(body);
}
