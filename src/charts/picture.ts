import sharp from 'sharp';
import type { TopLevelSpec } from 'vega-lite';
import { type Lettering, loadLettering } from './lettering.js';
import type { Chart } from './types.js';

/** Pixels of the PNG per unit of the SVG. */
const pixelRatio = 2;

/** Okabe and Ito's colours (https://jfly.uni-koeln.de/color/): told apart with every kind of colour vision. */
export const palette = {
  blue: '#0072B2',
  vermillion: '#D55E00',
  ink: '#1f2430',
  soft: '#5c6370',
  grid: '#e6e8ec',
};

/** What all charts share: paper, type sizes, quiet axes. */
export const chartConfig = {
  background: '#ffffff',
  font: 'Inter',
  view: { stroke: null },
  title: {
    fontSize: 19,
    fontWeight: 600,
    color: palette.ink,
    subtitleColor: palette.soft,
    subtitleFontSize: 13,
    subtitlePadding: 7,
    anchor: 'start',
    frame: 'group',
    offset: 20,
  },
  axis: {
    labelFontSize: 12,
    labelColor: palette.soft,
    titleFontSize: 13,
    titleFontWeight: 400,
    titleColor: palette.ink,
    gridColor: palette.grid,
    domainColor: '#aab0ba',
    tickColor: '#aab0ba',
    labelPadding: 6,
    titlePadding: 12,
  },
} as const;

export async function renderSpec(spec: TopLevelSpec): Promise<Chart> {
  // Vega takes a third of a second to load: only who draws waits for it, not everyone who imports this folder.
  const [{ parse, View }, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  try {
    const svg = outlineText(await view.toSVG(), await loadLettering());
    return { svg, png: await rasterise(svg) };
  } finally {
    view.finalize();
  }
}

export async function rasterise(svg: string): Promise<Uint8Array> {
  return sharp(Buffer.from(svg), { density: 72 * pixelRatio })
    .flatten({ background: '#ffffff' })
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/**
 * Replaces each `<text>` that Vega wrote by the outlines of its letters, since a machine without fonts would draw boxes.
 * The words stay readable for machines as the path's label.
 */
export function outlineText(svg: string, lettering: Lettering): string {
  const drawn = svg.replace(/<text\b[^>]*\/>/g, '');
  return drawn.replace(/<text\b([^>]*)>([^<]*)<\/text>/g, (_, attributes: string, content: string) => {
    const read = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1];
    const text = decodeEntities(content);
    const size = Number.parseFloat(read('font-size') ?? '11');
    const weight =
      Number(read('font-weight') ?? 400) >= 600 || read('font-weight') === 'bold' ? 'bold' : 'regular';
    const width = lettering.widthOf(text, size, weight);
    const anchor = read('text-anchor');
    const x = anchor === 'middle' ? -width / 2 : anchor === 'end' ? -width : 0;
    const kept = attributes.replace(/\s(?:font-[a-z]+|text-anchor)="[^"]*"/g, '');
    const label = /\baria-label=/.test(kept) ? '' : ` aria-label="${content}"`;
    return `<path${kept}${label} d="${lettering.pathOf(text, x, 0, size, weight)}"/>`;
  });
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  '#39': "'",
};

function decodeEntities(text: string): string {
  return text.replace(/&(#?\w+);/g, (whole, name: string) => entities[name] ?? whole);
}
