/** A message that is not what it should be: names the message and, where there is one, the field. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  /** The kind of message, or 'message' where that could not be told. */
  readonly messageType: string;
  /** The offending field, '' where it is the message as a whole. */
  readonly field: string;

  constructor(messageType: string, field: string, problem: string) {
    super(`${field === '' ? messageType : `${messageType}.${field}`}: ${problem}`);
    this.messageType = messageType;
    this.field = field;
  }
}

/** The end of a switch over a union: the compiler complains if a case is missing. */
export function assertNever(value: never): never {
  throw new TypeError(`Not expected here: ${String(value)}`);
}
