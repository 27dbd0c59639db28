import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { parseTrainingSpec, TrainingSpecError } from '../../src/coordinator/index.js';
import { readLabels } from '../../src/data/folder/labels.js';
import { DataError, decodeImage, defaultPreprocessing, ImageError } from '../../src/data/index.js';
import { buildModel, initialParameters, parseModelSpec, SpecError } from '../../src/engine/index.js';
import { decodeModelFile, encodeModelFile, ModelFileError } from '../../src/store/index.js';
import { type Below, damage, randomBytes } from './chance.js';
import { readsOr, type Target } from './target.js';

/** As short as a model can be that has every kind of metadata. */
const spec = parseModelSpec({
  name: 'small',
  input: [1, 12, 12],
  layers: [
    { type: 'conv2d', filters: 2, kernel: 3 },
    { type: 'relu' },
    { type: 'flatten' },
    { type: 'linear', units: 10 },
    { type: 'softmax' },
  ],
});
const model = encodeModelFile({
  spec,
  preprocessing: { ...defaultPreprocessing, width: 12, height: 12 },
  classes: Array.from('০১২৩৪৫৬৭৮৯'),
  provenance: { onko: '0.1.0', data: 'ab12', training: '{"epochs":2}' },
  parameters: initialParameters(buildModel(spec), 7),
});

/** The header's length, the first eight bytes, or a size in it made enormous. */
function largeClaims(below: Below): Uint8Array {
  const bytes = Buffer.from(model);
  if (below(2) === 0) {
    bytes.writeBigUInt64LE(BigInt(below(2 ** 31)) * BigInt(1 + below(2 ** 31)));
    return bytes;
  }
  const text = bytes.toString('latin1');
  const numbers = [...text.slice(0, 2_000).matchAll(/\d+/g)];
  const { 0: digits, index } = numbers[below(numbers.length)] ?? { 0: '', index: 0 };
  const large = ['9'.repeat(digits.length), '4294967296', '1e308', '-1'][below(4)] ?? '';
  return Buffer.from(text.slice(0, index) + large + text.slice(index + digits.length), 'latin1');
}

export const modelFiles: Target = {
  name: 'models',
  draw: (below) => {
    if (below(8) === 0) return { bytes: randomBytes(below, 500) };
    return { bytes: below(4) === 0 ? largeClaims(below) : damage(model, below) };
  },
  takes: (bytes) => readsOr([ModelFileError], () => decodeModelFile(bytes)),
};

const trainingSpec = {
  model: spec,
  preprocessing: { ...defaultPreprocessing, width: 12, height: 12 },
  optimizer: { type: 'adamw', weightDecay: 0.01 },
  schedule: { type: 'cosine', warmupSteps: 2 },
  learningRate: 0.004,
  epochs: 2,
  batch: 128,
  microshards: 8,
  seed: 5,
  clipNorm: 1,
  validate: { fraction: 0.15 },
  trainFolders: ['training-a'],
};

const odd: readonly unknown[] = [
  null,
  -1,
  0,
  1e308,
  Number.MAX_SAFE_INTEGER,
  2 ** 32,
  0.5,
  '',
  'x'.repeat(10_000),
  true,
  [],
  {},
  [[[[]]]],
  { __proto__: null, type: 'constructor' },
];

/** A copy in which some values are others, are missing, or stand elsewhere. */
function twisted(value: unknown, below: Below): unknown {
  if (below(80) === 0) return odd[below(odd.length)];
  if (Array.isArray(value)) {
    const members = value.map((member: unknown) => twisted(member, below));
    return below(60) === 0 ? Array.from({ length: below(600) }, () => members[0]) : members;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, member]) => [key, twisted(member, below)] as const);
  const kept = entries.filter(() => below(150) !== 0);
  if (below(60) === 0) kept.push([['__proto__', 'constructor', 'más', ''][below(4)] ?? '', 1]);
  return Object.fromEntries(kept);
}

/** Specs of models alone, and of whole runs with optimizer, schedule and preprocessing. */
export const specs: Target = {
  name: 'specs',
  draw: (below) => {
    const text = JSON.stringify(twisted(trainingSpec, below)) ?? '';
    const bytes = Buffer.from(text);
    return { bytes: below(4) === 0 ? damage(bytes, below) : bytes };
  },
  takes: (bytes) => {
    let json: unknown;
    try {
      json = JSON.parse(Buffer.from(bytes).toString());
    } catch {
      return false;
    }
    return readsOr([SpecError, TrainingSpecError, DataError, RangeError], () =>
      buildModel(parseTrainingSpec(json).model),
    );
  },
};

const csv = Buffer.from(
  `\ufefffilename,original filename,"scan ""id""",digit\r\n${Array.from({ length: 40 }, (_, i) => `a${i}.png,"scan, ${i}",${i},${i % 10}`).join('\r\n')}\r\n`,
);

export const labels: Target = {
  name: 'labels',
  draw: (below) => ({ bytes: below(8) === 0 ? randomBytes(below, 2_000) : damage(csv, below) }),
  takes: (bytes) => readsOr([DataError], () => readLabels(new TextDecoder().decode(bytes), 'labels.csv')),
};

/** The same small picture in every format that is read, and in the less usual kinds of PNG. */
export async function drawPictures(): Promise<Uint8Array[]> {
  const [width, height] = [24, 20];
  const raw = Buffer.from(
    Array.from({ length: width * height * 3 }, (_, i) => (i * 37 + (i >> 5) * 11) & 255),
  );
  const picture = () => sharp(raw, { raw: { width, height, channels: 3 } });
  return Promise.all([
    picture().png({ compressionLevel: 9 }).toBuffer(),
    picture().greyscale().png().toBuffer(),
    picture().png({ palette: true, colours: 8 }).toBuffer(),
    picture().png({ progressive: true }).toBuffer(),
    picture().ensureAlpha(0.5).png().toBuffer(),
    picture().toColourspace('rgb16').png().toBuffer(),
    picture().jpeg().toBuffer(),
    picture().jpeg({ progressive: true }).toBuffer(),
    picture().webp().toBuffer(),
    picture().gif().toBuffer(),
    picture().tiff().toBuffer(),
  ]);
}

/** Width, height or another number of the first chunk as large as can be, with a checksum that fits: only the size is wrong. */
function enormous(picture: Uint8Array, below: Below): Uint8Array {
  const bytes = Buffer.from(picture);
  if (bytes.toString('latin1', 1, 4) !== 'PNG') return damage(bytes, below);
  const size = [2 ** 31 - 1, 2 ** 16, 4_097, 2 ** 20][below(4)] ?? 0;
  bytes.writeUInt32BE(size, 16 + 4 * below(2));
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}

export function images(pictures: readonly Uint8Array[]): Target {
  const some = (below: Below): Uint8Array => pictures[below(pictures.length)] ?? new Uint8Array(0);
  return {
    name: 'images',
    draw: (below) => {
      if (below(10) === 0) return { bytes: randomBytes(below, 500) };
      return { bytes: below(10) === 0 ? enormous(some(below), below) : damage(some(below), below) };
    },
    takes: async (bytes) => {
      try {
        await decodeImage(bytes);
        return true;
      } catch (error) {
        if (error instanceof ImageError) return false;
        throw error;
      }
    },
  };
}
