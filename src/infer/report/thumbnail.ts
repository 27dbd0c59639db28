import sharp from 'sharp';

/** Pixels of the longer side. */
const longest = 112;

/** An image file, small, as a data: URL; null if it cannot be read any more. Small images are enlarged by the page, pixel by pixel. */
export async function thumbnail(path: string): Promise<string | null> {
  try {
    const png = await sharp(path)
      .rotate()
      .resize(longest, longest, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .png({ compressionLevel: 9, palette: true, colours: 64 })
      .toBuffer();
    return `data:image/png;base64,${png.toString('base64')}`;
  } catch {
    return null;
  }
}
