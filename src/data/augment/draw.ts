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
const elasticWords = Math.ceil(meshNodes / 2);

/** Sets these streams apart from all others that a run's seed gives rise to. */
const augmentationStream = 0x6175676d;
const degree = Math.PI / 180;
const wordsPerBlock = 4;

/** Sizes of the images, and the byte that is paper. */
export interface ImageSize {
  height: number;
  width: number;
}

/** First words of the blocks of four that hold a word which `a` makes use of; what nobody reads is not drawn. */
function blocksOf(a: Augmentation): number[] {
  const mesh = [words.rotate, words.shiftX, words.shiftY, words.scale, words.stretch, words.shear];
  const cut = [words.cutout, words.cutoutWidth, words.cutoutHeight, words.cutoutX, words.cutoutY];
  const elastic = Array.from({ length: elasticWords }, (_, i) => words.elastic + i);
  const used = [
    ...mesh,
    ...(a.elastic > 0 ? elastic : []),
    words.thickness,
    ...(a.cutout.share > 0 ? cut : []),
    ...(a.noise > 0 ? [words.noise, words.noiseSeed] : []),
    ...(a.invert > 0 ? [words.invert] : []),
  ];
  return [...new Set(used.map((word) => word - (word % wordsPerBlock)))];
}

/**
 * Draws what is done to an image: a function of (seed, epoch, sample) alone. It writes one row of `Kernels.augment`, whole
 * numbers, and gets there by + − × ÷ and the engine's own sine, so every machine draws the same row. A small net's training step
 * is hardly longer than a careless draw: ranges are read by place, as destructuring would go through an iterator.
 */
export function createDraw(a: Augmentation, { height, width }: ImageSize, seed: number) {
  const blocks = Uint32Array.from(blocksOf(a));
  const drawn = new Uint32Array(words.elastic + Math.ceil(elasticWords / wordsPerBlock) * wordsPerBlock);
  const counter = new Uint32Array(4);
  const key = Uint32Array.of(seed, augmentationStream);
  const block = new Uint32Array(wordsPerBlock);
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  const columnStep = cellSize(width);
  const rowStep = cellSize(height);
  const amplitudeX = a.elastic * width;
  const amplitudeY = a.elastic * height;

  /** Uniform over [0, 1). */
  const unit = (word: number): number => drawn[word] / 2 ** 32;
  const within = (range: Range, word: number): number => range[0] + (range[1] - range[0]) * unit(word);

  const fill = (epoch: number, sample: number): void => {
    for (let i = 0; i < blocks.length; i++) {
      const first = blocks[i];
      counter[0] = first;
      counter[1] = sample;
      counter[2] = epoch;
      philox(counter, key, block);
      for (let j = 0; j < wordsPerBlock; j++) drawn[first + j] = block[j];
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
    const c = cos(angle);
    const s = sin(angle);
    const k = sin(lean) / cos(lean);
    const xx = acrossX * (c - k * s);
    const xy = acrossX * (s + k * c);
    const yx = -acrossY * s;
    const yy = acrossY * c;
    const offX = centreX + within(a.shift, words.shiftX) * width;
    const offY = centreY + within(a.shift, words.shiftY) * height;
    const isElastic = a.elastic > 0;
    let at = 0;
    for (let j = 0; j <= meshCells; j++) {
      const y = j * rowStep - offY;
      for (let i = 0; i <= meshCells; i++) {
        const x = i * columnStep - offX;
        let fromX = centreX + xx * x + xy * y;
        let fromY = centreY + yx * x + yy * y;
        if (isElastic) {
          const node = at >> 1;
          const pair = drawn[words.elastic + (node >> 1)] >>> (16 * (node & 1));
          fromX += amplitudeX * ((pair & 255) / 127.5 - 1);
          fromY += amplitudeY * (((pair >>> 8) & 255) / 127.5 - 1);
        }
        // To the nearest; Math.round does it too, but at 8 ns each it would take longer than all else here.
        row[at++] = Math.floor((fromX + 1) * 65_536 + 0.5);
        row[at++] = Math.floor((fromY + 1) * 65_536 + 0.5);
      }
    }
  };

  const drawCut = (row: Int32Array): void => {
    const { share, size } = a.cutout;
    let left = 0;
    let top = 0;
    let cutWidth = 0;
    let cutHeight = 0;
    if (unit(words.cutout) < share) {
      cutWidth = Math.round(within(size, words.cutoutWidth) * width);
      cutHeight = Math.round(within(size, words.cutoutHeight) * height);
      left = Math.floor(unit(words.cutoutX) * (width - cutWidth + 1));
      top = Math.floor(unit(words.cutoutY) * (height - cutHeight + 1));
    }
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
