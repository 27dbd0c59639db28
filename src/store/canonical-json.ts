/**
 * JSON with the keys of every object sorted and no spaces: equal values give equal text, whatever order their keys were set in.
 * Only for plain data; `undefined` members are left out, as `JSON.stringify` leaves them.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
