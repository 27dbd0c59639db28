/** Cells along each side of the mesh that an image is resampled through. */
export const meshCells = 4;
export const meshNodes = (meshCells + 1) ** 2;

/**
 * What is done to one image, in whole numbers; native/augment.h has the same places. First the mesh, `[nodes][2]` row by row:
 * where in the image the pixel at each node comes from, as x and y in 1/65536 of a pixel, counted from one pixel left of and
 * above the image. Node (i, j) is the pixel (i · cell width, j · cell height), and between nodes it goes straight.
 */
export const row = {
  /** −256 (strokes one pixel thinner on each side) … 256 (one pixel thicker). */
  thickness: 2 * meshNodes,
  /** left, top, right, bottom of what is painted over with paper, in pixels; right and bottom are not in it. */
  cut: 2 * meshNodes + 1,
  /** Largest change of a byte, 0 … 255. */
  noise: 2 * meshNodes + 5,
  noiseSeed: 2 * meshNodes + 6,
  /** 0 or 1. */
  invert: 2 * meshNodes + 7,
} as const;
export const rowLength = 2 * meshNodes + 8;

/** Pixels between two nodes; the last cell may reach past the image. */
export const cellSize = (extent: number): number => Math.ceil(extent / meshCells);

/** Elements of the scratch that `augment` needs, as floats: two bytes for each pixel of one image in a frame of paper. */
export const scratchLength = (height: number, width: number): number =>
  Math.ceil((2 * (height + 2) * (width + 2)) / 4);
