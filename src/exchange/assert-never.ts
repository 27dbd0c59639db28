/** Makes a switch over a union exhaustive: does not compile while a case is missing. */
export function assertNever(value: never): never {
  throw new TypeError(`Unexpected value: ${JSON.stringify(value)}`);
}
