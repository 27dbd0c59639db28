import {
  addSparse,
  chunkValues,
  decodeSparse,
  encodeSparse,
  referenceKernels,
  type SparseForm,
} from '../../src/engine/index.js';
import { type Below, damage, randomBytes } from './chance.js';
import type { Target } from './target.js';

const kernels = referenceKernels;
/** One that gaps are written for, and one for which bits are shorter; the second has no statistics. */
const forms: readonly SparseForm[] = [
  { count: 1003, learnt: 1000, kept: 12 },
  { count: 90, learnt: 90, kept: 40 },
];
/** A form is told by the first byte of an input, which is not read. */
const formOf = (bytes: Uint8Array): SparseForm => forms[(bytes[0] ?? 0) % forms.length] ?? forms[0];

function whole(form: SparseForm, below: Below): Uint8Array {
  const places = new Int32Array(form.kept);
  kernels.selectLargest(
    places,
    Float32Array.from({ length: form.learnt }, () => below(chunkValues)),
  );
  const values = Float32Array.from(places, () => below(2000) - 1000);
  const rest = Float32Array.from({ length: form.count - form.learnt }, () => below(9));
  return encodeSparse(kernels, form, { places, values, rest });
}

/** Gradients of topk as a broken worker might send them. What is read must stay within the vector, and be what would be written. */
export const gradients: Target = {
  name: 'gradients',
  draw(below) {
    const number = below(forms.length);
    const form = forms[number] ?? forms[0];
    const good = whole(form, below);
    const kind = below(6);
    const drawn =
      kind === 0
        ? randomBytes(below, 2 * good.length)
        : kind === 1
          ? Buffer.from(good).map((byte, i) => (i < good.length - 12 ? byte : below(256)))
          : kind === 2
            ? good
            : damage(good, below);
    const bytes = Buffer.concat([Buffer.of(number), drawn]);
    return kind === 2 ? { bytes, must: 'be accepted' } : { bytes };
  },
  takes(bytes) {
    const form = formOf(bytes);
    const read = decodeSparse(kernels, form, Uint8Array.from(bytes.subarray(1)));
    if (typeof read === 'string') return false;
    const { places, values, rest } = read;
    const ascending = places.every((place, i) => place > (i === 0 ? -1 : places[i - 1]));
    if (!ascending || places.some((place) => place >= form.learnt))
      throw new Error(`Places that are none: ${places.join(' ')}`);
    if (
      places.length !== form.kept ||
      values.length !== form.kept ||
      rest.length !== form.count - form.learnt
    )
      throw new Error('Expected as many values as were asked for.');
    addSparse(new Float32Array(form.count), read, true);
    return true;
  },
};
