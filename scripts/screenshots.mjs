// `npm run screenshots`: the pictures of the live page and of the report in docs/pictures, from a real run on the demo set.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import sharp from 'sharp';

const root = fileURLToPath(new URL('..', import.meta.url));
const pictures = process.argv[2] ?? join(root, 'docs', 'pictures');
const folder = await mkdtemp(join(tmpdir(), 'onko-screenshots-'));
/** Below the folder: what the pictures show of paths is nobody's. */
const data = 'demo';
const out = 'run';

const running = new Set();

/** A program of the package; resolves when it ends. `onText` sees what it says. */
function run(program, args, onText = () => {}) {
  const child = spawn(process.execPath, [join(root, 'dist', 'cli', `${program}.js`), ...args], {
    cwd: folder,
    env: { ...process.env, XDG_STATE_HOME: folder, XDG_CACHE_HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk;
      onText(said);
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      running.delete(child);
      if (code === 0) resolve(said);
      else reject(new Error(said));
    });
  });
}

/** The page from its top to the end of this element. */
async function upTo(page, selector) {
  const box = await page.locator(selector).boundingBox();
  const { width } = page.viewportSize();
  return { fullPage: true, clip: { x: 0, y: 0, width, height: Math.ceil(box.y + box.height + 14) } };
}

/** @param scheme light or dark */
async function open(browser, url, width, height, scheme) {
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: scheme,
    deviceScaleFactor: 2,
  });
  page.setDefaultTimeout(240_000);
  await page.goto(url);
  return page;
}

async function keep(page, name, options) {
  const png = await page.screenshot(options);
  const small = await sharp(png).png({ palette: true, quality: 70, effort: 7, dither: 0 }).toBuffer();
  await writeFile(join(pictures, name), small);
  console.log(`${name}  ${Math.round(small.length / 1024)} KB`);
}

/** Points of a ২, in sides of the sheet. */
const two = [
  [0.31, 0.36],
  [0.34, 0.25],
  [0.45, 0.18],
  [0.57, 0.19],
  [0.66, 0.27],
  [0.67, 0.38],
  [0.6, 0.48],
  [0.48, 0.56],
  [0.36, 0.61],
  [0.29, 0.6],
  [0.31, 0.54],
  [0.4, 0.56],
  [0.55, 0.66],
  [0.72, 0.81],
];

async function drawOn(page, points) {
  const box = await page.locator('#pad').boundingBox();
  const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const point of points) await page.mouse.move(...at(point), { steps: 3 });
  await page.mouse.up();
  await page.locator('#spoken', { hasText: 'taken for' }).waitFor({ state: 'attached' });
  // Bars are still growing.
  await page.waitForTimeout(500);
}

/** The page to draw on, with a digit on it. */
async function drawPage(browser, model) {
  let started;
  const address = new Promise((resolve) => {
    started = resolve;
  });
  const serving = run('cnn-infer', ['serve', '--model', model, '--port', '0'], (said) => {
    const found = /Draw a digit at (\S+)/.exec(said)?.[1];
    if (found !== undefined) started(found);
  });
  const url = await Promise.race([address, serving.then(() => address)]);
  const desktop = await open(browser, url, 960, 640, 'light');
  await drawOn(desktop, two);
  await keep(desktop, 'draw-page.png', { fullPage: true });
  const phone = await open(browser, url, 360, 760, 'dark');
  await drawOn(phone, two);
  await keep(phone, 'draw-page-phone.png', {});
  await desktop.close();
  await phone.close();
}

/** A run on the demo set while it goes on, and the report on its model. */
async function pictureRun(browser) {
  await run('onko', ['dataset', 'demo', data]);
  let started;
  const address = new Promise((resolve) => {
    started = resolve;
  });
  const training = run(
    'onko',
    [
      'train',
      '--data',
      data,
      '--train',
      'training-a,training-b',
      '--workers',
      '2',
      '--epochs',
      '16',
      '--out',
      out,
    ],
    (said) => {
      const found = /watched url=(\S+)/.exec(said)?.[1];
      if (found !== undefined) started(found);
    },
  );
  const url = await Promise.race([address, training.then(() => address)]);
  const desktop = await open(browser, url, 1180, 900, 'light');
  const phone = await open(browser, url, 360, 760, 'dark');
  await desktop.getByText(/Epoch 1[2-6] of 16|All 16 epochs/).waitFor();
  await desktop.locator('#gallery img').nth(15).waitFor();
  await keep(desktop, 'live-page.png', await upTo(desktop, '.pair >> nth=0'));
  await keep(phone, 'live-page-phone.png', await upTo(phone, '#phases'));
  await training;
  await desktop.close();
  await phone.close();
  if (process.env.NO_REPORT === undefined) {
    const report = 'report.html';
    const model = join(out, 'model.safetensors');
    await run('cnn-infer', [join(data, 'testing-a'), '--eval', '--model', model, '--report', report]);
    const page = await open(browser, pathToFileURL(join(folder, report)).href, 1180, 900, 'light');
    await keep(page, 'report.png', await upTo(page, '[aria-labelledby=h-mistakes]'));
  }
}

const given = process.env.ONKO_TEST_CHROMIUM ?? '/usr/bin/chromium';
if (!existsSync(given))
  throw new Error(`There is no ${given}: install Chromium, or name it in ONKO_TEST_CHROMIUM.`);
const browser = await chromium.launch({ executablePath: given, args: ['--no-sandbox', '--disable-gpu'] });
try {
  if (process.env.ONLY_DRAW === undefined) await pictureRun(browser);
  await drawPage(browser, process.env.ONLY_DRAW ?? join(out, 'model.safetensors'));
} finally {
  await browser.close();
  for (const child of running) {
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
  }
  await rm(folder, { recursive: true, force: true });
}
