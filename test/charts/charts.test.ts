import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type Chart,
  ChartError,
  type EpochPoint,
  renderConfusion,
  renderContactSheet,
  renderCurves,
  renderReliability,
} from '../../src/charts/index.js';

const history: EpochPoint[] = Array.from({ length: 8 }, (_, i) => ({
  epoch: i + 1,
  trainLoss: 2 / (i + 1),
  trainAccuracy: 1 - 0.5 / (i + 1),
  validationLoss: 2.2 / (i + 1),
  validationAccuracy: 0.98 - 0.5 / (i + 1),
}));
const digits = Array.from('০১২৩৪৫৬৭৮৯');
const blue = [0x00, 0x72, 0xb2];
const vermillion = [0xd5, 0x5e, 0x00];

async function decode(png: Uint8Array) {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** Pixels of about this colour in a part of the picture, given in shares of its sides. */
async function count(chart: Chart, colour: number[], part = { left: 0, top: 0, right: 1, bottom: 1 }) {
  const { data, width, height } = await decode(chart.png);
  let found = 0;
  for (let y = Math.floor(part.top * height); y < part.bottom * height; y++) {
    for (let x = Math.floor(part.left * width); x < part.right * width; x++) {
      const i = 3 * (y * width + x);
      if (colour.every((value, c) => Math.abs(data[i + c] - value) < 24)) found++;
    }
  }
  return found;
}

const dark = [0x1f, 0x24, 0x30];
const left = { left: 0, top: 0, right: 0.5, bottom: 1 };
const right = { left: 0.5, top: 0, right: 1, bottom: 1 };

describe('learning curves', () => {
  it('shows both series in both panels, with titles and units, in a picture of sensible size', async () => {
    const chart = await renderCurves(history);
    const { width, height } = await decode(chart.png);
    expect(width).toBeGreaterThan(1600);
    expect(width / height).toBeGreaterThan(1.6);
    expect(width / height).toBeLessThan(3);
    for (const part of [left, right]) {
      expect(await count(chart, blue, part)).toBeGreaterThan(500);
      expect(await count(chart, vermillion, part)).toBeGreaterThan(500);
    }
    for (const words of [
      'Learning curves',
      'mean cross-entropy (nats)',
      'correct answers (%)',
      'validation',
    ]) {
      expect(chart.svg).toContain(words);
    }
    expect(chart.svg).not.toContain('<text');
    expect(await count(chart, dark, { left: 0, top: 0, right: 0.5, bottom: 0.12 })).toBeGreaterThan(800);
  });

  it('draws a run of one epoch', async () => {
    const chart = await renderCurves(history.slice(0, 1));
    expect(await count(chart, blue, left)).toBeGreaterThan(40);
    expect(await count(chart, blue, right)).toBeGreaterThan(40);
  });

  it('leaves validation out where there was none, and gaps where values are not finite', async () => {
    const without = await renderCurves(
      history.map((row) => ({ ...row, validationLoss: null, validationAccuracy: null })),
    );
    expect(await count(without, vermillion)).toBe(0);
    expect(without.svg).not.toContain('validation');
    const broken = await renderCurves([...history, { ...history[0], epoch: 9, trainLoss: Number.NaN }]);
    expect(broken.svg).not.toContain('NaN');
    const early = await renderCurves(history.map((row) => ({ ...row, trainLoss: Number.POSITIVE_INFINITY })));
    expect(early.svg).not.toMatch(/NaN|Infinity/);
  });

  it('refuses an empty history', async () => {
    await expect(renderCurves([])).rejects.toThrow(ChartError);
  });
});

describe('confusion matrix', () => {
  const confusion = new Uint32Array(100);
  for (let t = 0; t < 10; t++) confusion[11 * t] = 90 + t;
  confusion[10 * 1 + 9] = 23;

  it('prints the counts and colours right answers blue and mistakes orange', async () => {
    const chart = await renderConfusion(confusion, digits);
    const { width, height } = await decode(chart.png);
    expect(width).toBeGreaterThan(1000);
    expect(Math.abs(width - height)).toBeLessThan(150);
    for (const words of ['Confusion matrix', 'truth', 'guess', '945 of 968 right', '৯', 'recall', '79.8 %']) {
      expect(chart.svg).toContain(words);
    }
    expect(await count(chart, [0x08, 0x42, 0x6f])).toBeGreaterThan(10 * 2000);
    const { data } = await decode(chart.png);
    let orange = 0;
    for (let i = 0; i < data.length; i += 3) if (data[i] > 230 && data[i + 2] < 190) orange++;
    expect(orange).toBeGreaterThan(3000);
  });

  it('holds empty rows, an empty matrix and other numbers of classes', async () => {
    expect((await renderConfusion(new Uint32Array(100), digits)).svg).toContain('no answers');
    expect((await renderConfusion(new Uint32Array([5, 0, 0, 0]), ['a<b', '&c'])).svg).toContain('a&lt;b');
  });

  it('refuses a matrix that does not fit its classes', async () => {
    await expect(renderConfusion(new Uint32Array(99), digits)).rejects.toThrow(/100 counts, not 99/);
  });
});

describe('reliability diagram', () => {
  const bins = [
    { from: 0.5, to: 0.6, count: 0, confidence: 0.55, accuracy: 0 },
    { from: 0.6, to: 0.7, count: 20, confidence: 0.66, accuracy: 0.5 },
    { from: 0.9, to: 1, count: 180, confidence: 0.98, accuracy: 0.97 },
  ];

  it('draws a bar and a dot for every bin that holds something, and says the error', async () => {
    const { svg, png } = await renderReliability(bins, 0.0427);
    expect(svg).toContain('aria-label="expected calibration error 4.27 % · pale bars are of few images"');
    const { width, height } = await sharp(png).metadata();
    expect([width, height]).toEqual([2 * (380 + 82 + 34), 2 * (380 + 96 + 64)]);
    // The bar of the last bin reaches almost to the top, that of the middle one half as high; between them is paper.
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    const isBlue = (x: number, y: number): boolean => {
      const at =
        info.channels * (Math.round(2 * (96 + 380 * (1 - y))) * info.width + Math.round(2 * (82 + 380 * x)));
      return (data[at + 2] ?? 0) - (data[at] ?? 0) > 40;
    };
    expect([
      isBlue(0.92, 0.94),
      isBlue(0.92, 0.05),
      isBlue(0.68, 0.45),
      isBlue(0.68, 0.55),
      isBlue(0.8, 0.05),
    ]).toEqual([true, true, true, false, false]);
  });

  it('refuses no bins', async () => {
    await expect(renderReliability([], 0)).rejects.toThrow(ChartError);
  });
});

describe('contact sheet', () => {
  it('fits grey and colour images of any shape into one grid', async () => {
    const red = Uint8Array.from({ length: 3 * 40 * 20 }, (_, i) => (i % 3 === 0 ? 220 : 10));
    const grey = new Uint8Array(28 * 28).fill(60);
    const png = await renderContactSheet(
      [
        { pixels: red, width: 40, height: 20, channels: 3, caption: '৩ → ৫ 97 %' },
        { pixels: grey, width: 28, height: 28, channels: 1 },
        {
          pixels: grey,
          width: 28,
          height: 28,
          channels: 1,
          caption: 'a caption that is much longer than its tile',
        },
      ],
      2,
    );
    const { data, width, height } = await decode(png);
    expect([width, height]).toEqual([272, 312]);
    const tally = { red: 0, grey: 0, ink: 0 };
    for (let i = 0; i < data.length; i += 3) {
      const [r, g, b] = data.subarray(i, i + 3);
      if (r > 200 && g < 30 && b < 30) tally.red++;
      if (r === 60 && g === 60 && b === 60) tally.grey++;
      if (r < 140 && b > r) tally.ink++;
    }
    expect(tally.red).toBeGreaterThan(0.9 * 112 * 56);
    expect(tally.grey).toBeGreaterThanOrEqual(2 * 112 * 112);
    expect(tally.ink).toBeGreaterThan(100);
  });

  it('refuses nothing, no columns and bytes that do not fit', async () => {
    const image = { pixels: new Uint8Array(3), width: 2, height: 2, channels: 1 as const };
    await expect(renderContactSheet([], 4)).rejects.toThrow(ChartError);
    await expect(renderContactSheet([image], 0)).rejects.toThrow(ChartError);
    await expect(renderContactSheet([image], 1)).rejects.toThrow(/4 bytes, not 3/);
  });
});

const picture = z.object({ dark: z.number(), hash: z.string() });
const reply = z.object({ curves: picture, sheet: picture });

it('draws the same letters on a machine without any font', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'onko-fonts-'));
  try {
    const config = join(folder, 'fonts.conf');
    await writeFile(config, `<?xml version="1.0"?><fontconfig><cachedir>${folder}</cachedir></fontconfig>`);
    const charts = new URL('../../dist/charts/index.js', import.meta.url).href;
    const resolveSharp = import.meta.resolve('sharp');
    const program = `
      import sharp from ${JSON.stringify(resolveSharp)};
      import { createHash } from 'node:crypto';
      import { renderCurves, renderContactSheet } from ${JSON.stringify(charts)};
      const inked = async (png) => {
        const { data } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
        let dark = 0;
        for (const value of data) if (value < 60) dark++;
        return { dark, hash: createHash('sha256').update(data).digest('hex') };
      };
      const sheet = { pixels: new Uint8Array(784).fill(255), width: 28, height: 28, channels: 1, caption: '৭ is seven' };
      console.log(JSON.stringify({
        curves: await inked((await renderCurves(${JSON.stringify(history)})).png),
        sheet: await inked(await renderContactSheet([sheet], 1)),
      }));`;
    const run = async (env: NodeJS.ProcessEnv) => {
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
        env: { ...process.env, ...env },
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
      });
      return reply.parse(JSON.parse(stdout));
    };
    const bare = await run({ FONTCONFIG_FILE: config, FONTCONFIG_PATH: folder, HOME: folder });
    const chart = await decode((await renderCurves(history)).png);
    expect(bare.curves.hash).toBe(createHash('sha256').update(chart.data).digest('hex'));
    expect(bare.curves.dark).toBeGreaterThan(2000);
    expect(bare.sheet.dark).toBeGreaterThan(50);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
