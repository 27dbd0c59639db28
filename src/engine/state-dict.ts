import type { Model } from './model.js';
import { byteLength, type NamedTensor } from './safetensors.js';

export * from './safetensors.js';

/** Tensors that are not those of the model; the message names them, what was expected and what was found. */
export class StateDictError extends Error {
  override readonly name = 'StateDictError';
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** A flat vector as a tensor. `data` is a view of `values` (a copy on a machine with the other byte order). */
export function tensorOf(name: string, shape: number[], values: Float32Array | Float64Array): NamedTensor {
  const dtype = values instanceof Float32Array ? 'F32' : 'F64';
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dtype, shape, data: littleEndian ? bytes : reversed(bytes, values.BYTES_PER_ELEMENT) };
}

/** The values of an F32 tensor, copied. @throws StateDictError for another dtype */
export function float32Of(tensor: NamedTensor): Float32Array<ArrayBuffer> {
  return new Float32Array(alignedCopy(tensor, 'F32'));
}

/** The values of an F64 tensor, copied. @throws StateDictError for another dtype */
export function float64Of(tensor: NamedTensor): Float64Array<ArrayBuffer> {
  return new Float64Array(alignedCopy(tensor, 'F64'));
}

function alignedCopy(tensor: NamedTensor, dtype: 'F32' | 'F64'): ArrayBuffer {
  if (tensor.dtype !== dtype) {
    throw new StateDictError(`Tensor "${tensor.name}": expected dtype ${dtype}, found ${tensor.dtype}.`);
  }
  // A copy always starts at offset 0, wherever the tensor stood in its file.
  return (littleEndian ? new Uint8Array(tensor.data) : reversed(tensor.data, byteLength[dtype])).buffer;
}

/** Every value's bytes in the other order, copied. */
function reversed(bytes: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  for (let i = 0; i < copy.length; i += width) copy.subarray(i, i + width).reverse();
  return copy;
}

/**
 * The parameters as named tensors, in the model's order.
 *
 * @param parameters flat, `parameterCount` values; the tensors are views of it
 */
export function stateDict(
  model: Pick<Model, 'parameters' | 'parameterCount'>,
  parameters: Float32Array,
): NamedTensor[] {
  if (parameters.length !== model.parameterCount) {
    throw new RangeError(`Expected ${model.parameterCount} parameters, found ${parameters.length}.`);
  }
  return model.parameters.map(({ name, shape, offset, length }) =>
    tensorOf(name, shape, parameters.subarray(offset, offset + length)),
  );
}

/**
 * The inverse of `stateDict`.
 *
 * @returns the flat parameter vector, a copy
 * @throws StateDictError if a tensor is missing, one is there that the model does not have, or a shape or dtype differs
 */
export function loadStateDict(
  model: Pick<Model, 'parameters' | 'parameterCount'>,
  tensors: ReadonlyMap<string, NamedTensor>,
): Float32Array {
  const expected = new Set(model.parameters.map(({ name }) => name));
  const missing = [...expected].filter((name) => !tensors.has(name));
  const extra = [...tensors.keys()].filter((name) => !expected.has(name));
  if (missing.length > 0 || extra.length > 0) {
    const clauses = [
      ...(missing.length > 0 ? [`missing ${list(missing)}`] : []),
      ...(extra.length > 0 ? [`not expected ${list(extra)}`] : []),
    ];
    throw new StateDictError(`The tensors are not those of the model: ${clauses.join('; ')}.`);
  }
  const flat = new Float32Array(model.parameterCount);
  for (const { name, shape, offset } of model.parameters) {
    const tensor = tensors.get(name);
    if (tensor === undefined) continue;
    if (tensor.dtype !== 'F32' || tensor.shape.join() !== shape.join()) {
      const found = `${tensor.dtype} [${tensor.shape.join(', ')}]`;
      throw new StateDictError(`Tensor "${name}": expected F32 [${shape.join(', ')}], found ${found}.`);
    }
    flat.set(float32Of(tensor), offset);
  }
  return flat;
}

function list(names: string[]): string {
  const shown = names.slice(0, 4).map((name) => `"${name.slice(0, 60)}"`);
  const more = names.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
