import type { Plane } from './planes.js';
import { doubles, releasing } from './scratch.js';

/** Beyond this, the shape of the distribution alone decides: a stroke covers about a quarter of its surroundings, or less. */
const clearSkewness = 0.5;

/**
 * Whether the writing is brighter than what it is written on.
 *
 * Ink is the rarer thing: the distances of all pixels from the mean of their surroundings have a long tail on the side of the
 * ink. The surroundings are local, so a shadow or a gradient over the paper does not count. Only where ink covers about half the image (fat
 * strokes, cut tightly) is the skewness near zero; then the edge of the image, which is paper rather than ink, is compared with
 * the inside. Both measures change their sign and nothing else when an image is inverted.
 *
 * @param planes channels of one image, 0…255
 */
export function isInkBright(planes: readonly Plane[]): boolean {
  return releasing(() => {
    const { width, height } = planes[0];
    const brightness = totals(planes);
    const skewness = localSkewness(brightness, width, height);
    if (Math.abs(skewness) >= clearSkewness) return skewness > 0;
    return insideMinusEdge(brightness, width, height) > 0;
  });
}

/** The channels added up. */
function totals(planes: readonly Plane[]): Float64Array {
  const [red, green, blue] = planes.map(({ values }) => values);
  const sums = doubles(red.length);
  if (planes.length === 1) sums.set(red);
  else for (let i = 0; i < sums.length; i++) sums[i] = red[i] + green[i] + blue[i];
  return sums;
}

/** Third standardised moment of (value − mean of the surroundings), 0 for a constant image. */
function localSkewness(values: Float64Array, width: number, height: number): number {
  const radius = Math.max(2, Math.floor(Math.max(width, height) / 4));
  const table = summedArea(values, width, height);
  const stride = width + 1;
  let squares = 0;
  let cubes = 0;
  for (let y = 0; y < height; y++) {
    const top = Math.max(0, y - radius);
    const bottom = Math.min(height, y + radius + 1);
    const above = top * stride;
    const below = bottom * stride;
    for (let x = 0; x < width; x++) {
      const left = x < radius ? 0 : x - radius;
      const right = x + radius < width ? x + radius + 1 : width;
      const sum = table[below + right] - table[above + right] - table[below + left] + table[above + left];
      const distance = values[y * width + x] - sum / ((bottom - top) * (right - left));
      const square = distance * distance;
      squares += square;
      cubes += square * distance;
    }
  }
  const count = width * height;
  const variance = squares / count;
  // Less than a hundredth of a grey step: nothing but rounding.
  return variance < 1e-4 ? 0 : cubes / count / (variance * Math.sqrt(variance));
}

/** [height + 1][width + 1]: the sum of everything above and to the left. */
function summedArea(values: Float64Array, width: number, height: number): Float64Array {
  const stride = width + 1;
  const table = doubles(stride * (height + 1));
  table.fill(0, 0, stride);
  for (let y = 0; y < height; y++) {
    let row = 0;
    table[(y + 1) * stride] = 0;
    for (let x = 0; x < width; x++) {
      row += values[y * width + x];
      table[(y + 1) * stride + x + 1] = table[y * stride + x + 1] + row;
    }
  }
  return table;
}

function insideMinusEdge(values: Float64Array, width: number, height: number): number {
  const border = Math.max(1, Math.floor(Math.min(width, height) / 16));
  let inside = 0;
  let edge = 0;
  let insideCount = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = values[y * width + x];
      if (x >= border && y >= border && x < width - border && y < height - border) {
        inside += value;
        insideCount += 1;
      } else {
        edge += value;
      }
    }
  }
  if (insideCount === 0) return 0;
  return inside / insideCount - edge / (width * height - insideCount);
}
