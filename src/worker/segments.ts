import { fingerprint, type UpdateKernels } from '../engine/index.js';
import { asBytes, asFloat32, type ParameterRange, type Result, type Segment } from '../protocol/index.js';

/**
 * A training result for a run with reducers: its gradient, f32[parameterCount], as one segment for each range, whose values are views of
 * it, and the header for the coordinator, which has a mark of each segment in its place.
 */
export function inSegments(
  result: Result,
  ranges: readonly ParameterRange[],
  kernels: UpdateKernels,
): { header: Result; segments: Segment[] } {
  const { run, fence, step, node, worker } = result;
  const gradient = asFloat32(result.gradient);
  const segmentMarks: string[] = [];
  let badSegments = 0;
  const segments = ranges.map(({ first, count }, range): Segment => {
    const values = gradient.subarray(first, first + count);
    const { finite, hash } = fingerprint(values, 0, 0, kernels);
    segmentMarks.push(hash);
    if (!finite) badSegments += 1;
    return { type: 'segment', run, fence, step, node, worker, range, values: asBytes(values) };
  });
  return { header: { ...result, gradient: new Uint8Array(0), segmentMarks, badSegments }, segments };
}
