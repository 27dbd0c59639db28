/** One to four bytes changed, or a stretch removed, doubled or replaced; mostly in the header, where the structure is. */
export function mutate(original: Uint8Array, random: { below(n: number): number }): Uint8Array {
  let bytes = Uint8Array.from(original);
  const place = (): number =>
    random.below(random.below(4) === 0 ? bytes.length : Math.min(bytes.length, 400));
  for (let change = random.below(4); change >= 0; change--) {
    if (bytes.length === 0) return bytes;
    const at = place();
    const length = Math.min(bytes.length - at, 1 + random.below(12));
    switch (random.below(6)) {
      case 0:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + length)]);
        break;
      case 1:
        bytes = Uint8Array.from([...bytes.subarray(0, at + length), ...bytes.subarray(at)]);
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        bytes[at] = '{}[]",:0123456789-e.'.charCodeAt(random.below(20));
        break;
      default:
        bytes[at] = random.below(256);
    }
  }
  return bytes;
}
