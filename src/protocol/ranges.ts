/** Values [first, first + count) of the flat parameter vector. */
export interface ParameterRange {
  first: number;
  count: number;
}

/** Bounds between ranges are multiples of this, so that each starts where vectors load fast. */
const alignment = 256;
/** More reducers than this would each get next to nothing of any model, and a result holds a mark for each. */
const mostReducers = 64;

/** How many ranges a vector of so many values can be cut into. */
export function mostRanges(parameterCount: number): number {
  return Math.max(1, Math.min(mostReducers, Math.ceil(parameterCount / alignment)));
}

/**
 * The vector cut into `ranges` contiguous ranges, none of them empty, of sizes that differ by at most 256 values and the rest; [] for 0.
 *
 * @throws RangeError for more ranges than `mostRanges`
 */
export function rangesOf(parameterCount: number, ranges: number): ParameterRange[] {
  if (ranges > mostRanges(parameterCount))
    throw new RangeError(`Expected at most ${mostRanges(parameterCount)} ranges, got ${ranges}.`);
  const chunks = Math.ceil(parameterCount / alignment);
  const bound = (k: number): number =>
    Math.min(parameterCount, alignment * Math.floor((k * chunks) / Math.max(1, ranges)));
  return Array.from({ length: ranges }, (_, k) => ({ first: bound(k), count: bound(k + 1) - bound(k) }));
}
