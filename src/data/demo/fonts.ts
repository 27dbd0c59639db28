import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { inflateSync } from 'node:zlib';
import { type PathCommand, parse } from 'opentype.js';
import { DemoSetError } from './errors.js';

/** Closed outline, x right, y down; the last point joins the first. */
export type Contour = [x: number, y: number][];

export interface FontFace {
  family: string;
  weight: number;
  /** Digits not to take from this font. */
  without?: readonly number[];
}

/** Fonts that training and testing folders share. The lightest weight that has the digits: its middle line is the truest. */
export const trainingFonts: readonly FontFace[] = [
  { family: 'hind-siliguri', weight: 300 },
  { family: 'noto-sans-bengali', weight: 300 },
  { family: 'noto-serif-bengali', weight: 300 },
  { family: 'baloo-da-2', weight: 400 },
  // Its ৮ has the loop filled in: its middle line reads as ৬.
  { family: 'galada', weight: 400, without: [8] },
  { family: 'mina', weight: 400 },
  { family: 'atma', weight: 300 },
  { family: 'anek-bangla', weight: 300 },
];
/** Hands that no training folder shows. */
export const testingOnlyFonts: readonly FontFace[] = [{ family: 'tiro-bangla', weight: 400 }];

const bengaliZero = 0x09e6;

/**
 * The outlines of ০…৯ at 1000 units per em.
 * @throws DemoSetError if the font is absent or lacks a digit
 */
export async function digitOutlines(face: FontFace): Promise<Contour[][]> {
  const file = `@fontsource/${face.family}/files/${face.family}-bengali-${face.weight}-normal.woff`;
  const woff = await readFile(createRequire(import.meta.url).resolve(file));
  const sfnt = unwrapWoff(woff);
  const font = parse(sfnt);
  return Array.from({ length: 10 }, (_, digit) => {
    const character = String.fromCodePoint(bengaliZero + digit);
    const glyph = font.charToGlyph(character);
    const contours = flatten(glyph.getPath(0, 0, 1000).commands);
    if (glyph.index === 0 || contours.length === 0) {
      throw new DemoSetError(`The font ${face.family} has no drawing for the digit ${character}.`);
    }
    return contours;
  });
}

/**
 * WOFF 1.0 → the OpenType file inside it (https://www.w3.org/TR/WOFF/). opentype.js can do this too, but its inflate
 * refuses some valid streams that zlib reads.
 */
function unwrapWoff(woff: Buffer): ArrayBuffer {
  const tableCount = woff.readUInt16BE(12);
  const tables = [];
  let offset = 12 + 16 * tableCount;
  for (let i = 0; i < tableCount; i++) {
    const entry = 44 + 20 * i;
    const start = woff.readUInt32BE(entry + 4);
    const stored = woff.subarray(start, start + woff.readUInt32BE(entry + 8));
    const length = woff.readUInt32BE(entry + 12);
    const data = stored.length < length ? inflateSync(stored) : stored;
    tables.push({
      tag: woff.subarray(entry, entry + 4),
      checksum: woff.readUInt32BE(entry + 16),
      data,
      offset,
    });
    offset += (length + 3) & ~3;
  }
  const bytes = new ArrayBuffer(offset);
  const sfnt = Buffer.from(bytes);
  woff.copy(sfnt, 0, 4, 8);
  sfnt.writeUInt16BE(tableCount, 4);
  tables.forEach((table, i) => {
    const entry = 12 + 16 * i;
    table.tag.copy(sfnt, entry);
    sfnt.writeUInt32BE(table.checksum, entry + 4);
    sfnt.writeUInt32BE(table.offset, entry + 8);
    sfnt.writeUInt32BE(table.data.length, entry + 12);
    table.data.copy(sfnt, table.offset);
  });
  return bytes;
}

const curveSteps = 8;

function flatten(commands: PathCommand[]): Contour[] {
  const contours: Contour[] = [];
  let current: Contour = [];
  let x = 0;
  let y = 0;
  for (const command of commands) {
    switch (command.type) {
      case 'M':
        current = [[command.x, command.y]];
        contours.push(current);
        break;
      case 'L':
        current.push([command.x, command.y]);
        break;
      case 'Q':
        for (let i = 1; i <= curveSteps; i++) {
          const t = i / curveSteps;
          const u = 1 - t;
          current.push([
            u * u * x + 2 * u * t * command.x1 + t * t * command.x,
            u * u * y + 2 * u * t * command.y1 + t * t * command.y,
          ]);
        }
        break;
      case 'C':
        for (let i = 1; i <= curveSteps; i++) {
          const t = i / curveSteps;
          const u = 1 - t;
          const a = u * u * u;
          const b = 3 * u * u * t;
          const c = 3 * u * t * t;
          const d = t * t * t;
          current.push([
            a * x + b * command.x1 + c * command.x2 + d * command.x,
            a * y + b * command.y1 + c * command.y2 + d * command.y,
          ]);
        }
        break;
      case 'Z':
        continue;
    }
    x = command.x;
    y = command.y;
  }
  return contours.filter((contour) => contour.length >= 3);
}
