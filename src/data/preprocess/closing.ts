import type { Plane } from './planes.js';

/**
 * Grey closing with a square: every dark feature narrower than the square in some direction is filled with the paper around it.
 * What remains is the paper, with its gradients and shadow edges; unlike a fitted surface it knows nothing of their shape.
 *
 * @param reach the square is 2 · reach + 1 wide
 * @returns a plane that is nowhere below the original
 */
export function closing(plane: Plane, reach: number): Plane {
  const { width, height } = plane;
  const values = plane.values.slice();
  spread(values, width, height, reach, 1);
  spread(values, width, height, reach, -1);
  return { width, height, values };
}

/** In place: the largest value within `reach` in both directions, or with sign −1 the smallest. */
function spread(values: Float32Array, width: number, height: number, reach: number, sign: 1 | -1): void {
  const longest = Math.max(width, height);
  const line = new Float32Array(longest);
  const queue = new Int32Array(longest);
  for (let y = 0; y < height; y++) spreadLine(values, y * width, 1, width, reach, sign, line, queue);
  for (let x = 0; x < width; x++) spreadLine(values, x, width, height, reach, sign, line, queue);
}

/**
 * Running maximum over a window in one pass: `queue` holds the positions that can still become the maximum, best first.
 * Windows are cut at the ends of the line.
 */
function spreadLine(
  values: Float32Array,
  start: number,
  step: number,
  length: number,
  reach: number,
  sign: 1 | -1,
  line: Float32Array,
  queue: Int32Array,
): void {
  for (let i = 0; i < length; i++) line[i] = sign * values[start + i * step];
  let head = 0;
  let tail = 0;
  let next = 0;
  for (let i = 0; i < length; i++) {
    for (const end = Math.min(length, i + reach + 1); next < end; next++) {
      while (tail > head && line[queue[tail - 1]] <= line[next]) tail--;
      queue[tail++] = next;
    }
    if (queue[head] < i - reach) head++;
    values[start + i * step] = sign * line[queue[head]];
  }
}
