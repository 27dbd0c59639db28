import {
  augmentationRowLength,
  cellSize,
  cos,
  meshCells,
  meshNodes,
  philox,
  augmentationRow as places,
  sin,
} from '../../engine/index.js';
import type { Augmentation, Range } from './spec.js';

/** What is drawn for one image, each from words of its own: another range for one changes nothing of the others. */
const words = {
  rotate: 0,
  shiftX: 1,
  shiftY: 2,
  scale: 3,
  stretch: 4,
  shear: 5,
  thickness: 6,
  cutout: 7,
  cutoutWidth: 8,
  cutoutHeight: 9,
  cutoutX: 10,
  cutoutY: 11,
  noise: 12,
  noiseSeed: 13,
  invert: 14,
  /** From here on: two bytes per node of the mesh, one for each direction. */
  elastic: 16,
} as const;
const wordCount = words.elastic + Math.ceil(meshNodes / 2);

/** Sets these streams apart from all others that a run's seed gives rise to. */
const augmentationStream = 0x6175676d;
const degree = Math.PI / 180;

/** Sizes of the images, and the byte that is paper. */
export interface ImageSize {
  height: number;
  width: number;
}

/**
 * Draws what is done to an image: a function of (seed, epoch, sample) alone. It writes one row of `Kernels.augment`, whole
 * numbers, and gets there by + − × ÷ and the engine's own sine, so every machine draws the same row.
 */
export function createDraw(a: Augmentation, { height, width }: ImageSize, seed: number) {
  const drawn = new Uint32Array(Math.ceil(wordCount / 4) * 4);
  const counter = new Uint32Array(4);
  const key = new Uint32Array(2);
  const block = new Uint32Array(4);
  const needed = a.elastic > 0 ? wordCount : words.elastic;
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  const columnStep = cellSize(width);
  const rowStep = cellSize(height);
  const amplitudeX = a.elastic * width;
  const amplitudeY = a.elastic * height;

  /** Uniform over [0, 1). */
  const unit = (word: number): number => drawn[word] / 2 ** 32;
  const within = ([least, most]: Range, word: number): number => least + (most - least) * unit(word);

  const fill = (epoch: number, sample: number): void => {
    key[0] = seed;
    key[1] = augmentationStream;
    for (let i = 0; i < needed; i += 4) {
      counter[0] = i;
      counter[1] = sample;
      counter[2] = epoch;
      counter[3] = 0;
      philox(counter, key, block);
      for (let j = 0; j < 4; j++) drawn[i + j] = block[j];
    }
  };

  /** Where each node comes from: the inverse of shear, stretch, scale, rotation and shift about the image's centre. */
  const drawMesh = (row: Int32Array): void => {
    const angle = within(a.rotate, words.rotate) * degree;
    const lean = within(a.shear, words.shear) * degree;
    const scale = within(a.scale, words.scale);
    const stretch = within(a.stretch, words.stretch);
    const acrossX = 1 / (scale * stretch);
    const acrossY = stretch / scale;
    const [c, s] = [cos(angle), sin(angle)];
    const k = sin(lean) / cos(lean);
    const [xx, xy] = [acrossX * (c - k * s), acrossX * (s + k * c)];
    const [yx, yy] = [-acrossY * s, acrossY * c];
    const offX = centreX + within(a.shift, words.shiftX) * width;
    const offY = centreY + within(a.shift, words.shiftY) * height;
    let at = 0;
    for (let j = 0; j <= meshCells; j++) {
      const y = j * rowStep - offY;
      for (let i = 0; i <= meshCells; i++) {
        const x = i * columnStep - offX;
        let fromX = centreX + xx * x + xy * y;
        let fromY = centreY + yx * x + yy * y;
        if (a.elastic > 0) {
          const node = j * (meshCells + 1) + i;
          const pair = drawn[words.elastic + (node >> 1)] >>> (16 * (node & 1));
          fromX += amplitudeX * ((pair & 255) / 127.5 - 1);
          fromY += amplitudeY * (((pair >>> 8) & 255) / 127.5 - 1);
        }
        row[at++] = Math.round((fromX + 1) * 65_536);
        row[at++] = Math.round((fromY + 1) * 65_536);
      }
    }
  };

  const drawCut = (row: Int32Array): void => {
    const { share, size } = a.cutout;
    row.fill(0, places.cut, places.cut + 4);
    if (unit(words.cutout) >= share) return;
    const cutWidth = Math.round(within(size, words.cutoutWidth) * width);
    const cutHeight = Math.round(within(size, words.cutoutHeight) * height);
    const left = Math.floor(unit(words.cutoutX) * (width - cutWidth + 1));
    const top = Math.floor(unit(words.cutoutY) * (height - cutHeight + 1));
    row[places.cut] = left;
    row[places.cut + 1] = top;
    row[places.cut + 2] = left + cutWidth;
    row[places.cut + 3] = top + cutHeight;
  };

  return (row: Int32Array, epoch: number, sample: number): void => {
    if (row.length !== augmentationRowLength) {
      throw new RangeError(`Expected a row of ${augmentationRowLength} numbers, found ${row.length}.`);
    }
    fill(epoch, sample);
    drawMesh(row);
    drawCut(row);
    row[places.thickness] = Math.round(within(a.thickness, words.thickness) * 256);
    row[places.noise] = Math.round(a.noise * unit(words.noise) * 255);
    row[places.noiseSeed] = drawn[words.noiseSeed];
    row[places.invert] = unit(words.invert) < a.invert ? 1 : 0;
  };
}
