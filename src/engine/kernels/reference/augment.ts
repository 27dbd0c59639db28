import { cellSize, meshCells, row as places, rowLength } from '../augmentation-row.js';
import type { AugmentDims } from '../kernels.js';

/** pixels[count][channels][height][width], in place, by rows[count][rowLength]; whole numbers only, like native/augment.h. */
export function augment(
  pixels: Uint8Array,
  count: number,
  rows: Int32Array,
  scratch: Float32Array,
  { channels, height, width, paper }: AugmentDims,
): void {
  const area = height * width;
  const padded = new Uint8Array(scratch.buffer, scratch.byteOffset, (height + 2) * (width + 2));
  for (let n = 0; n < count; n++) {
    const row = rows.subarray(n * rowLength, (n + 1) * rowLength);
    const image = pixels.subarray(n * channels * area, (n + 1) * channels * area);
    const thickness = between(row[places.thickness], -256, 256);
    const left = between(row[places.cut], 0, width);
    const top = between(row[places.cut + 1], 0, height);
    const right = between(row[places.cut + 2], left, width);
    const bottom = between(row[places.cut + 3], top, height);
    for (let c = 0; c < channels; c++) {
      const plane = image.subarray(c * area, (c + 1) * area);
      pad(padded, plane, height, width, paper);
      resample(plane, padded, row, height, width);
      if (thickness !== 0) {
        pad(padded, plane, height, width, paper);
        const brightest = thickness > 0 === paper < 128;
        spread(plane, padded, height, width, brightest, Math.abs(thickness));
      }
      if (right > left) {
        for (let y = top; y < bottom; y++) plane.fill(paper, y * width + left, y * width + right);
      }
    }
    const noise = between(row[places.noise], 0, 255);
    if (noise > 0) addNoise(image, noise, row[places.noiseSeed]);
    if (row[places.invert] !== 0) for (let i = 0; i < image.length; i++) image[i] = 255 - image[i];
  }
}

const between = (value: number, least: number, most: number): number =>
  Math.min(Math.max(value, least), most);

/** a/n rounded down, where `part` is ⌊2²⁰/n⌋: the product is below 2⁵², so a double holds it exactly. */
const partOf = (a: number, part: number): number => Math.floor(((a | 0) * part) / 2 ** 20) | 0;

/** image[height][width] → padded[height + 2][width + 2], in a frame of paper */
function pad(padded: Uint8Array, image: Uint8Array, height: number, width: number, paper: number): void {
  const stride = width + 2;
  padded.fill(paper);
  for (let y = 0; y < height; y++)
    padded.set(image.subarray(y * width, (y + 1) * width), (y + 1) * stride + 1);
}

/** padded → image[height][width]: each pixel from where the mesh says, between four neighbours, in 1/256 of a pixel */
function resample(
  image: Uint8Array,
  padded: Uint8Array,
  mesh: Int32Array,
  height: number,
  width: number,
): void {
  const stride = width + 2;
  const cellWidth = cellSize(width);
  const cellHeight = cellSize(height);
  const across = Math.floor(2 ** 20 / cellWidth);
  const down = Math.floor(2 ** 20 / cellHeight);
  // The last place whose neighbours to the right and below are still in the frame.
  const mostU = (width + 1) * 65_536 - 129;
  const mostV = (height + 1) * 65_536 - 129;
  const line = 2 * (meshCells + 1);
  /** Coordinate `which` of the mesh's column `k`, `r` lines below the node. */
  const onColumn = (upper: number, which: number, k: number, r: number): number => {
    const at = upper + 2 * k + which;
    return (mesh[at] + Math.imul(partOf(mesh[at + line] - mesh[at], down), r)) | 0;
  };
  for (let y = 0; y < height; y++) {
    const upper = Math.floor(y / cellHeight) * line;
    const r = y % cellHeight;
    for (let k = 0; k * cellWidth < width; k++) {
      const u = onColumn(upper, 0, k, r);
      const v = onColumn(upper, 1, k, r);
      const du = partOf(onColumn(upper, 0, k + 1, r) - u, across);
      const dv = partOf(onColumn(upper, 1, k + 1, r) - v, across);
      const from = k * cellWidth;
      const steps = Math.min(cellWidth, width - from);
      for (let i = 0; i < steps; i++) {
        const x256 = (between((u + Math.imul(du, i)) | 0, 0, mostU) + 128) >> 8;
        const y256 = (between((v + Math.imul(dv, i)) | 0, 0, mostV) + 128) >> 8;
        const at = (y256 >> 8) * stride + (x256 >> 8);
        const fu = x256 & 255;
        const fv = y256 & 255;
        const top = padded[at] * (256 - fu) + padded[at + 1] * fu;
        const bottom = padded[at + stride] * (256 - fu) + padded[at + stride + 1] * fu;
        image[y * width + from + i] = (top * (256 - fv) + bottom * fv + 32_768) >> 16;
      }
    }
  }
}

/** padded → image: `weight`/256 of the way to the brightest (or darkest) of a pixel and its four neighbours */
function spread(
  image: Uint8Array,
  padded: Uint8Array,
  height: number,
  width: number,
  brightest: boolean,
  weight: number,
): void {
  const stride = width + 2;
  const choose = brightest ? Math.max : Math.min;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y + 1) * stride + x + 1;
      const own = padded[at];
      const most = choose(own, padded[at - 1], padded[at + 1], padded[at - stride], padded[at + stride]);
      image[y * width + x] = (own * (256 - weight) + most * weight + 128) >> 8;
    }
  }
}

/** Triangular noise; each word of a hash of (seed, place), the finaliser of MurmurHash3 (Appleby), serves two bytes 16 apart. */
function addNoise(image: Uint8Array, strength: number, seed: number): void {
  for (let i = 0; i < image.length; i++) {
    const word = (i >> 5) * 16 + (i & 15);
    let h = (Math.imul(word, 0x9e3779b1) + seed) | 0;
    h ^= h >>> 16;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
    h ^= h >>> 16;
    const half = (i & 16) === 0 ? h : h >>> 16;
    const noise = (half & 255) + ((half >>> 8) & 255) - 255;
    image[i] = between(image[i] + ((noise * strength) >> 8), 0, 255);
  }
}
