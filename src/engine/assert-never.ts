/** Where a switch over a closed set ends: a member it forgot does not compile, and one from outside the types stops here. */
export function assertNever(value: never): never {
  throw new TypeError(`Expected no further case, found ${JSON.stringify(value)}.`);
}
