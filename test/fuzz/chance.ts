/** Whole numbers from 0 on, below what is asked for. */
export type Below = (n: number) => number;

/** Mulberry32 (Tommy Ettinger, public domain): small, and good enough to break things with. Every input has its own. */
export function chance(seed: number, input: number): Below {
  let state = (Math.imul(seed, 0x9e_37_79_b1) ^ Math.imul(input + 1, 0x85_eb_ca_6b)) >>> 0;
  return (below) => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** One to four changes anywhere: bytes, stretches that go, come twice, are cut off or become something large. */
export function damage(original: Uint8Array, below: Below): Buffer {
  let bytes = Buffer.from(original);
  for (let change = below(4); change >= 0 && bytes.length > 0; change--) {
    // Mostly where the structure is.
    const at = below(below(4) === 0 ? bytes.length : Math.min(bytes.length, 400));
    const end = Math.min(bytes.length, at + 1 + below(12));
    switch (below(8)) {
      case 0:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
        break;
      case 2:
        bytes = bytes.subarray(0, at);
        break;
      case 3:
        bytes.fill([0xff, 0x00, 0x80, 0x7f][below(4)] ?? 0, at, end);
        break;
      case 4:
        bytes[at] = '{}[]",:0123456789-e.\r\n\\'.charCodeAt(below(23));
        break;
      default:
        bytes[at] = below(256);
    }
  }
  return bytes;
}

export const randomBytes = (below: Below, most: number): Buffer =>
  Buffer.from(Array.from({ length: below(most) }, () => below(256)));
