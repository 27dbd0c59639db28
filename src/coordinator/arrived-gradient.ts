import {
  addSparse,
  allFinite,
  decodeSparse,
  type Encoding,
  encodedBytes,
  encodedFinite,
  fingerprint,
  type Kernels,
  type SparseForm,
  type SparseValues,
} from '../engine/index.js';
import { asFloat32, type Result } from '../protocol/index.js';

/** How gradients come in a run. `count`: values of one. */
export type GradientForm = { encoding: Encoding; count: number } | ({ encoding: 'topk' } & SparseForm);

/** Values in the shorter form in which they came. */
export type EncodedValues =
  | { encoding: Encoding; bytes: Uint8Array }
  | { encoding: 'topk'; sparse: SparseValues };

/** A result's gradient, looked at before anything is made of it. */
export interface ArrivedGradient {
  /** A view of the message. */
  gradient: Float32Array;
  /** The same in the form in which it came, where that is not f32: then `gradient` is of no use. */
  encoded: EncodedValues | null;
  /** How many values came; if it is of another encoding than the run's, or another length, never the number that was asked for. */
  length: number;
  /** What is wrong with it, where its length does not say so. */
  fault: string | null;
  /** Whether the loss and every value is finite. */
  finite: boolean;
  /** Of everything that is the same whoever has computed the block. */
  hash: string;
}

const noValues = new Float32Array(0);

/** A sum as the run's form has it, into another or in place of it. */
export function decodeInto(y: Float32Array, values: EncodedValues, add: boolean, kernels: Kernels): void {
  if (values.encoding === 'topk') addSparse(y, values.sparse, add);
  else kernels.decode(y, values.bytes, values.encoding, add);
}

export function openGradient(result: Result, form: GradientForm, kernels: Kernels): ArrivedGradient {
  if (form.encoding === 'topk') return openSparse(result, form, kernels);
  const { encoding, gradient: bytes } = result;
  const words = bytes.byteLength % 4 === 0 ? asFloat32(bytes) : noValues;
  const { finite: wordsFinite, hash } = fingerprint(words, result.lossSum, result.correct, kernels);
  const fits = encoding === form.encoding && bytes.byteLength === encodedBytes(form.encoding, form.count);
  const finite =
    encoding === 'f32' || !fits
      ? wordsFinite
      : encodedFinite(form.encoding, wordsOf(words), form.count) && Number.isFinite(result.lossSum);
  return {
    gradient: words,
    encoded: encoding === 'f32' || encoding === 'topk' ? null : { encoding, bytes },
    length: fits ? form.count : lengthOf(result, form),
    fault: null,
    finite,
    hash,
  };
}

const wordsOf = ({ buffer, byteOffset, length }: Float32Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, length);

function lengthOf({ encoding, gradient }: Result, form: GradientForm): number {
  if (gradient.byteLength === 0 || encoding !== form.encoding) return 0;
  return encoding === 'f32' ? gradient.byteLength / 4 : Number.NaN;
}

/**
 * What a worker sends depends on what it has sent before, so the gradient is no part of the hash: two answers for a block have the loss and
 * the hits in common.
 */
function openSparse(
  result: Result,
  form: GradientForm & { encoding: 'topk' },
  kernels: Kernels,
): ArrivedGradient {
  const { encoding, gradient: bytes, lossSum, correct } = result;
  const { finite, hash } = fingerprint(noValues, lossSum, correct, kernels);
  const nothing = { gradient: noValues, encoded: null, finite, hash, fault: null };
  // A validation has no gradient.
  if (encoding !== 'topk' || bytes.byteLength === 0) return { ...nothing, length: 0 };
  const sparse = decodeSparse(kernels, form, bytes);
  if (typeof sparse === 'string') return { ...nothing, length: Number.NaN, fault: sparse };
  return {
    ...nothing,
    encoded: { encoding, sparse },
    length: form.count,
    finite: finite && allFinite(sparse.values) && allFinite(sparse.rest),
  };
}
