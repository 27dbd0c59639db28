import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dataSha256 } from '../../../src/infer/report/data-identity.js';
import { encodeModelFile } from '../../../src/store/index.js';
import { expectSuccess, runProgram } from '../../cli/run-program.js';
import {
  desktop,
  expectAccessible,
  expectNoOverflow,
  openBrowser,
  openPage,
  phone,
} from '../../support/browser.js';
import { levelFolder, levelModel } from '../level-model.js';

/** Legal in a file name on Linux, and markup where it is not escaped. */
const hostile = '<img src=x onerror=document.title=1>.png';

let dir = '';
let browser: Browser;
let stdout = '';
const modelBytes = encodeModelFile({
  ...levelModel,
  provenance: { training_spec: '{"epochs":12,"seed":7}', data_hash: 'feed', origin: 'by hand' },
});

beforeAll(async () => {
  browser = await openBrowser();
  dir = await mkdtemp(join(tmpdir(), 'onko-report-'));
  const { folder } = await levelFolder(dir, 'testing-a', 60, 5);
  await rename(join(folder, 'img0000.png'), join(folder, hostile));
  const csv = await readFile(`${folder}.csv`, 'utf8');
  await writeFile(`${folder}.csv`, csv.replace('img0000.png', hostile));
  await writeFile(join(folder, 'img0059.png'), 'no picture');
  await writeFile(join(dir, 'model.safetensors'), modelBytes);
  const args = ['testing-a', '--eval', '--model', 'model.safetensors', '--report', 'out/report.html'];
  const ended = await runProgram('cnn-infer', args, { cwd: dir });
  expectSuccess(ended);
  ({ stdout } = ended);
});
afterAll(async () => {
  await browser?.close();
  await rm(dir, { recursive: true, force: true });
});

it.each([
  ['on a desk, in the light', desktop],
  ['on a phone, in the dark', phone],
])('can be read by everyone %s, and needs nothing but itself', { timeout: 120_000 }, async (_, look) => {
  const { page, complaints } = await openPage(browser, look);
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url().split(':')[0] ?? ''));
  await page.goto(pathToFileURL(join(dir, 'out/report.html')).href);
  await page.getByText('As numbers').click();
  await expectNoOverflow(page);
  await expectAccessible(page);
  expect(asked.filter((scheme) => scheme !== 'data')).toEqual(['file']);
  expect(complaints).toEqual([]);
  await page.close();
});

it('says how good the model is, what it mistook, and what was evaluated', { timeout: 120_000 }, async () => {
  const { page } = await openPage(browser);
  await page.goto(pathToFileURL(join(dir, 'out/report.html')).href);
  const text = (await page.locator('body').textContent()) ?? '';
  // 59 images are left, of which five are labelled wrongly.
  const accuracy = `${((100 * 54) / 59).toFixed(2)} %`;
  expect(text).toContain(accuracy);
  expect(stdout).toContain(`accuracy  ${accuracy}`);
  expect(stdout).toContain('report       out/report.html');
  expect(text).toContain(createHash('sha256').update(modelBytes).digest('hex'));
  for (const fact of [
    'Epochs',
    'feed',
    'by hand',
    '59 used, 1 rejected',
    'img0059.png',
    'flatten → linear (units 10)',
  ])
    expect(text).toContain(fact);

  const mistakes = page.locator('.mistakes li');
  expect(await mistakes.count()).toBe(5);
  const sizes = await page.evaluate<number[]>(
    '[...document.querySelectorAll(".mistakes img")].map((image) => image.naturalWidth)',
  );
  expect(sizes).toEqual([10, 10, 10, 10, 10]);
  const sure = (await mistakes.allTextContents()).map((item) => Number(/✗ ([\d.]+) %/.exec(item)?.[1]));
  expect(sure).toEqual(sure.toSorted((a, b) => b - a));
  // The name of the file is text, whatever it looks like.
  expect(text).toContain(hostile);
  expect(await page.title()).toBe(`testing-a: ${accuracy} · Onko`);

  const cells = await page.locator('.heat tbody td:not(.sum)').allTextContents();
  expect(cells.reduce((sum, cell) => sum + Number(cell), 0)).toBe(59);
  expect(await page.locator('.reliability').getAttribute('aria-label')).toMatch(/calibration error [\d.]+ %/);
  await page.close();
});

it('says which images were evaluated by a hash that changes with images, labels and names', async () => {
  const folder = join(dir, 'testing-b');
  await levelFolder(dir, 'testing-b', 3);
  const names = ['img0001.png', 'img0002.png'];
  const hash = await dataSha256(folder, names, Uint8Array.of(1, 2));
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(await dataSha256(folder, names.toReversed(), Uint8Array.of(2, 1))).toBe(hash);
  const others = [
    await dataSha256(folder, names, Uint8Array.of(1, 3)),
    await dataSha256(folder, ['img0001.png', 'img0000.png'], Uint8Array.of(1, 2)),
  ];
  await writeFile(join(folder, 'img0001.png'), await readFile(join(folder, 'img0002.png')));
  others.push(await dataSha256(folder, names, Uint8Array.of(1, 2)));
  expect(new Set([hash, ...others]).size).toBe(4);
});

it('is refused without --eval', async () => {
  const args = ['testing-a', '--model', 'model.safetensors', '--report', 'report.html'];
  const ended = await runProgram('cnn-infer', args, { cwd: dir });
  expect(ended.code).toBe(2);
  expect(ended.stderr).toContain('--report needs --eval');
});
