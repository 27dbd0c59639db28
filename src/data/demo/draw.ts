import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { createRandom } from '../../engine/index.js';
import type { RawImage } from '../types.js';
import { demoFonts, draws, type FolderPlan } from './layout.js';
import { type Letterform, loadLetterforms } from './letterforms.js';
import { drawPicture, drawWriter } from './picture.js';

/** Draws any image of a folder on its own: nothing carries over from one to the next, so threads may share the work anyhow. */
export interface Artist {
  draw(plan: FolderPlan, index: number): RawImage;
}

export async function createArtist(seed: number): Promise<Artist> {
  const forms: Letterform[][] = await Promise.all(demoFonts.map(loadLetterforms));
  return {
    draw(plan, index) {
      const image = plan.images[index];
      if (image === undefined) throw new RangeError(`${plan.name} has no image ${index}.`);
      const writer = drawWriter(
        createRandom(seed, plan.key, draws.writer, image.writer),
        plan.usable,
        plan.phoneShare,
      );
      const form = forms[writer.fonts[image.digit]][image.digit];
      return drawPicture(writer, form, createRandom(seed, plan.key, draws.image, index));
    },
  };
}

/**
 * PNG with fixed settings. The pixels follow from the seed everywhere; the file's bytes also from the version of zlib that
 * Node was built with.
 */
export function encodePng(image: RawImage): Uint8Array {
  const png = new PNG({ width: image.width, height: image.height });
  png.data = Buffer.from(image.pixels);
  return PNG.sync.write(png, {
    colorType: 2,
    inputColorType: 2,
    inputHasAlpha: false,
    filterType: 1,
    deflateLevel: 1,
    deflateStrategy: 0,
  });
}

/** Draws images first…first+count−1 of a plan into `folder`/plan.name. */
export async function drawRange(
  artist: Artist,
  folder: string,
  plan: FolderPlan,
  first: number,
  count: number,
): Promise<void> {
  for (let i = first; i < first + count; i++) {
    const png = encodePng(artist.draw(plan, i));
    await writeFile(join(folder, plan.name, plan.images[i].filename), png);
  }
}
