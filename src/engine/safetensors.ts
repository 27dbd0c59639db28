/**
 * The safetensors format (https://github.com/huggingface/safetensors): 8 bytes, the header's length, little-endian; the header, a
 * JSON object of name → { dtype, shape, data_offsets } and `__metadata__`; then the data, every byte of it one tensor's.
 */
export interface NamedTensor {
  name: string;
  dtype: 'F32' | 'F64' | 'I64' | 'U32' | 'U8';
  /** Empty: a single value. */
  shape: number[];
  /** Little-endian, row-major. */
  data: Uint8Array;
}

/**
 * The bytes are no usable safetensors file. `truncated`: the header is one, and asks for more bytes than there are;
 * `foreign`: they never were one; `malformed`: header and data contradict each other or themselves.
 */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
  readonly fault: 'truncated' | 'foreign' | 'malformed';

  constructor(fault: SafetensorsError['fault'], message: string) {
    super(message);
    this.fault = fault;
  }
}

/** Bytes of one value. */
export const byteLength: Readonly<Record<NamedTensor['dtype'], number>> = {
  F64: 8,
  I64: 8,
  F32: 4,
  U32: 4,
  U8: 1,
};

const metadataKey = '__metadata__';
const prefixBytes = 8;
/** The reference implementation refuses longer headers, too. */
const maxHeaderBytes = 100_000_000;
const openingBrace = 0x7b;

/**
 * One order for one content: wide dtypes first, so that every tensor starts on a multiple of its width, then by name; metadata by
 * key. Equal input gives equal bytes, in whatever order it comes.
 *
 * @throws RangeError for a name used twice or reserved, or data that is not as long as its shape says
 */
export function encodeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const ordered = tensors.toSorted(
    (a, b) => byteLength[b.dtype] - byteLength[a.dtype] || compare(a.name, b.name),
  );
  const names = new Set([metadataKey]);
  const keys = Object.keys(metadata).toSorted(compare);
  const entries = [
    `"${metadataKey}":{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`).join()}}`,
  ];
  let end = 0;
  for (const { name, dtype, shape, data } of ordered) {
    if (names.has(name)) throw new RangeError(`Expected tensor names that differ, found "${name}" twice.`);
    names.add(name);
    const expected = elements(shape) * byteLength[dtype];
    if (data.length !== expected) {
      throw new RangeError(`Tensor "${name}": expected ${expected} bytes, found ${data.length}.`);
    }
    const data_offsets = [end, end + expected];
    entries.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets })}`);
    end += expected;
  }
  const text = new TextEncoder().encode(`{${entries.join()}}`);
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(prefixBytes + headerBytes + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, prefixBytes, prefixBytes + headerBytes);
  bytes.set(text, prefixBytes);
  let at = prefixBytes + headerBytes;
  for (const { data } of ordered) {
    bytes.set(data, at);
    at += data.length;
  }
  return bytes;
}

/**
 * Reads and checks everything before it returns anything.
 *
 * @param bytes a whole file; the tensors' data are views of it, not aligned to anything
 * @throws SafetensorsError, and nothing else, whatever the bytes are
 */
export function decodeSafetensors(bytes: Uint8Array): {
  tensors: Map<string, NamedTensor>;
  metadata: Record<string, string>;
} {
  const headerBytes = readHeaderLength(bytes);
  const header = readHeader(bytes.subarray(prefixBytes, prefixBytes + headerBytes));
  const data = bytes.subarray(prefixBytes + headerBytes);
  const tensors = new Map<string, NamedTensor>();
  let metadata: Record<string, string> = {};
  const ranges: { name: string; begin: number; end: number }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === metadataKey) {
      metadata = readMetadata(entry);
      continue;
    }
    const { dtype, shape, begin, end } = readEntry(name, entry);
    ranges.push({ name, begin, end });
    tensors.set(name, { name, dtype, shape, data: data.subarray(begin, end) });
  }
  ranges.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of ranges) {
    if (begin < covered) throw malformed(`tensor ${show(name)} overlaps the one before it`);
    if (begin > covered)
      throw malformed(`${begin - covered} bytes before tensor ${show(name)} belong to none`);
    covered = end;
  }
  if (covered > data.length) {
    throw new SafetensorsError(
      'truncated',
      `cut short: expected ${covered} bytes of tensors, found ${data.length}`,
    );
  }
  if (covered < data.length) throw malformed(`${data.length - covered} bytes at the end belong to no tensor`);
  return { tensors, metadata };
}

function readHeaderLength(bytes: Uint8Array): number {
  if (bytes.length <= prefixBytes) throw foreign(`only ${bytes.length} bytes long`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, prefixBytes).getBigUint64(0, true);
  if (length > maxHeaderBytes || bytes[prefixBytes] !== openingBrace) {
    throw foreign('it does not begin with a header');
  }
  const available = bytes.length - prefixBytes;
  if (length > available) {
    throw new SafetensorsError(
      'truncated',
      `cut short: expected a header of ${length} bytes, found ${available}`,
    );
  }
  return Number(length);
}

function readHeader(bytes: Uint8Array): object {
  let header: unknown;
  try {
    // A copy, since the decoder does not read shared memory.
    header = JSON.parse(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes)),
    );
  } catch {
    throw malformed('the header is not JSON');
  }
  if (!isObject(header)) throw malformed('the header is not a JSON object');
  return header;
}

function readMetadata(entry: unknown): Record<string, string> {
  if (!isObject(entry)) throw malformed('the metadata is not an object');
  return Object.fromEntries(
    Object.entries(entry).map(([key, value]: [string, unknown]) => {
      if (typeof value !== 'string') throw malformed(`the metadata value of ${show(key)} is not a string`);
      return [key, value];
    }),
  );
}

function readEntry(
  name: string,
  entry: unknown,
): { dtype: NamedTensor['dtype']; shape: number[]; begin: number; end: number } {
  const { dtype, shape, data_offsets } = Object.fromEntries<unknown>(
    isObject(entry) ? Object.entries(entry) : [],
  );
  if (!isDtype(dtype)) {
    const known = Object.keys(byteLength).join(', ');
    throw malformed(`tensor ${show(name)}: expected a dtype of ${known}; found ${show(dtype)}`);
  }
  if (!isSizes(shape)) throw malformed(`tensor ${show(name)}: the shape is no list of sizes`);
  if (!isSizes(data_offsets) || data_offsets.length !== 2) {
    throw malformed(`tensor ${show(name)}: the data offsets are no two positions`);
  }
  const [begin = 0, end = 0] = data_offsets;
  const expected = elements(shape) * byteLength[dtype];
  if (end - begin !== expected) {
    throw malformed(
      `tensor ${show(name)}: its shape takes ${expected} bytes, its data offsets ${end - begin}`,
    );
  }
  return { dtype, shape, begin, end };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const elements = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isDtype = (value: unknown): value is NamedTensor['dtype'] =>
  typeof value === 'string' && Object.hasOwn(byteLength, value);

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

const show = (value: unknown): string =>
  value === undefined ? 'nothing' : (JSON.stringify(value)?.slice(0, 80) ?? typeof value);

const malformed = (what: string): SafetensorsError => new SafetensorsError('malformed', what);

const foreign = (what: string): SafetensorsError =>
  new SafetensorsError('foreign', `not a safetensors file: ${what}`);
