/** A line that grows without end and stays small: neighbouring points are averaged, more of them the longer it gets. */
export interface Thinned {
  /** `values[width]` at x; x only grows. */
  add(x: number, values: readonly number[]): void;
  /** [x, …means]: each at the x of its last value. */
  points(): readonly (readonly number[])[];
}

/** @param capacity even; the line has half as many points to twice as many as needed, never more than this */
export function createThinned(capacity: number): Thinned {
  let points: number[][] = [];
  /** Values that a point is the mean of. */
  let stride = 1;
  let open: { count: number; x: number; sums: number[] } | null = null;
  return {
    add(x, values) {
      const { count, sums }: { count: number; sums: number[] } = open ?? {
        count: 0,
        sums: values.map(() => 0),
      };
      open = { count: count + 1, x, sums: sums.map((sum, i) => sum + (values[i] ?? 0)) };
      if (open.count < stride) return;
      points.push([x, ...open.sums.map((sum) => sum / stride)]);
      open = null;
      if (points.length < capacity) return;
      points = pairwise(points);
      stride *= 2;
    },
    points: () => points,
  };
}

function pairwise(points: readonly number[][]): number[][] {
  return points
    .filter((_, i) => i % 2 === 1)
    .map((second, i) => {
      const first = points[2 * i] ?? second;
      const [x, ...values] = second;
      return [x, ...values.map((value, k) => (value + first[k + 1]) / 2)];
    });
}
