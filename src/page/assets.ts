import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

export interface Asset {
  type: string;
  body: Buffer;
}

const types: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
};

/** Beside this file, in `browser/`; the first of each page is the page itself. */
const own = {
  live: [
    'page.html',
    'look.css',
    'page.css',
    'icon.svg',
    'main.js',
    'chart.js',
    'connection.js',
    'dom.js',
    'format.js',
    'members.js',
    'progress.js',
    'reducers.js',
    'validation.js',
    'workers.js',
  ],
  draw: [
    'draw.html',
    'look.css',
    'draw.css',
    'icon.svg',
    'draw.js',
    'answer.js',
    'ask.js',
    'dom.js',
    'format.js',
    'pad.js',
  ],
} as const;

/** Of the packages that the charts are lettered with, too. */
const fonts: Readonly<Record<string, string>> = {
  'inter-400.woff2': 'inter/files/inter-latin-400-normal',
  'inter-600.woff2': 'inter/files/inter-latin-600-normal',
  'bengali-600.woff2': 'noto-sans-bengali/files/noto-sans-bengali-bengali-600-normal',
};

/** Every file of a page, by its path on the server. */
export async function loadAssets(of: keyof typeof own): Promise<Map<string, Asset>> {
  const files = await Promise.all([
    ...own[of].map(async (name) => [`/${name}`, await readOwn(name)] as const),
    ...Object.keys(fonts).map(async (name) => [`/${name}`, await readFont(name)] as const),
  ]);
  const assets = new Map(files.map(([path, body]) => [path, { type: typeOf(path), body }]));
  const page = assets.get(`/${own[of][0]}`);
  if (page !== undefined) assets.set('/', page);
  return assets;
}

/** A file of the page as text: the report has the same look. */
export async function readLook(): Promise<{ css: string; fonts: Record<string, Buffer> }> {
  const [css, ...bodies] = await Promise.all([readOwn('look.css'), ...Object.keys(fonts).map(readFont)]);
  return {
    css: css.toString('utf8'),
    fonts: Object.fromEntries(Object.keys(fonts).map((name, i) => [name, bodies[i]])),
  };
}

const readOwn = (name: string): Promise<Buffer> => readFile(new URL(`./browser/${name}`, import.meta.url));

const readFont = (name: string): Promise<Buffer> =>
  readFile(createRequire(import.meta.url).resolve(`@fontsource/${fonts[name] ?? name}.woff2`));

const typeOf = (path: string): string => types[path.slice(path.lastIndexOf('.') + 1)] ?? 'text/plain';
