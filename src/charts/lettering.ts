import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Font, parse } from 'opentype.js';

/** Text as outlines: needs no font where the picture is shown or turned into pixels. */
export interface Lettering {
  /** Advance width in the units of `size`. */
  widthOf(text: string, size: number, weight: Weight): number;
  /** SVG path data; the baseline starts at (x, y). */
  pathOf(text: string, x: number, y: number, size: number, weight: Weight): string;
}
export type Weight = 'regular' | 'bold';

/** In order: the first font that has a character draws it. Letters are set one by one, without ligatures or conjuncts. */
const files: Record<Weight, string[]> = {
  regular: ['inter/files/inter-latin-400-normal', 'inter/files/inter-latin-ext-400-normal'],
  bold: ['inter/files/inter-latin-600-normal', 'inter/files/inter-latin-ext-600-normal'],
};
const bengali = 'noto-sans-bengali/files/noto-sans-bengali-bengali-500-normal';
/** Characters that none of the fonts has, and what comes closest. */
const substitutes: Readonly<Record<string, string>> = { '→': '›', '←': '‹' };

let shared: Promise<Lettering> | null = null;

/** Loads the fonts once. */
export function loadLettering(): Promise<Lettering> {
  shared ??= load();
  return shared;
}

async function load(): Promise<Lettering> {
  const faces = {
    regular: await Promise.all([...files.regular, bengali].map(loadFont)),
    bold: await Promise.all([...files.bold, bengali].map(loadFont)),
  };
  const pieces = (text: string, weight: Weight) =>
    Array.from(text, (wanted) => {
      const fonts = faces[weight];
      for (const character of [wanted, substitutes[wanted] ?? '?', '?']) {
        const font = fonts.find((candidate) => candidate.charToGlyphIndex(character) !== 0);
        if (font !== undefined) return { font, glyph: font.charToGlyph(character) };
      }
      throw new Error('The chart fonts have no question mark.');
    });
  const advance = ({ font, glyph }: ReturnType<typeof pieces>[number], size: number) =>
    ((glyph.advanceWidth ?? font.unitsPerEm) * size) / font.unitsPerEm;
  return {
    widthOf: (text, size, weight) =>
      pieces(text, weight).reduce((sum, piece) => sum + advance(piece, size), 0),
    pathOf(text, x, y, size, weight) {
      let at = x;
      return pieces(text, weight)
        .map((piece) => {
          const path = piece.glyph.getPath(at, y, size).toPathData(2);
          at += advance(piece, size);
          return path;
        })
        .join('');
    },
  };
}

async function loadFont(name: string): Promise<Font> {
  const file = await readFile(createRequire(import.meta.url).resolve(`@fontsource/${name}.woff`));
  return parse(file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength));
}
