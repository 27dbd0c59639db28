import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeModelFile } from '../../src/store/index.js';
import { levelImage, levelModel } from '../infer/level-model.js';
import {
  desktop,
  expectAccessible,
  expectNoOverflow,
  openBrowser,
  openPage,
  phone,
} from '../support/browser.js';
import { endPrograms, type RunningProgram, startProgram } from '../support/start-program.js';

let dir = '';
let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
  dir = await mkdtemp(join(tmpdir(), 'onko-draw-'));
  // An empty sheet is white, class 9; the more ink there is, the lower the class.
  const temperature = { value: 2, fittedOn: 'validation', samples: 640 };
  await writeFile(join(dir, 'model.safetensors'), encodeModelFile({ ...levelModel, temperature }));
  await writeFile(join(dir, 'three.png'), levelImage(3));
  await writeFile(join(dir, 'notes.txt'), 'no picture');
});
afterEach(endPrograms);
afterAll(async () => {
  await browser?.close();
  await rm(dir, { recursive: true, force: true });
});

async function serve(port = '0'): Promise<{ program: RunningProgram; url: string }> {
  const args = ['serve', '--model', 'model.safetensors', '--port', port, '--kernels', 'reference'];
  const program = startProgram('cnn-infer', args, { cwd: dir, env: { HOME: dir } });
  const [, url = ''] = await program.says(/Draw a digit at (http:\S+)/);
  return { program, url };
}

/** Strokes from side to side, until most of the sheet is black. */
async function blacken(page: Page): Promise<void> {
  const box = await page.locator('#pad').boundingBox();
  if (box === null) throw new Error('There is no sheet.');
  for (let share = 0.02; share < 1; share += 0.045) {
    const y = box.y + box.height * share;
    await page.mouse.move(box.x + 3, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 3, y, { steps: 2 });
    await page.mouse.up();
  }
}

const guess = (page: Page, digit: string) => page.locator('#latin', { hasText: new RegExp(`^${digit}$`) });

describe('the page to draw on', { timeout: 180_000 }, () => {
  it('says what a drawing is taken for as it grows, is cleared and undone by key and by button, and takes files', async () => {
    const { program, url } = await serve();
    const { page, complaints } = await openPage(browser, desktop);
    const elsewhere: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) elsewhere.push(request.url());
    });
    await page.goto(url);
    await page.locator('#bars li').nth(9).waitFor();
    await page.getByText('at temperature 2, fitted on 640 validation samples').waitFor();
    expect(await page.locator('#clear').isDisabled()).toBe(true);

    // In the middle of a stroke there is an answer already.
    const box = await page.locator('#pad').boundingBox();
    if (box === null) throw new Error('There is no sheet.');
    await page.mouse.move(box.x + 40, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + 60, box.y + 60, { steps: 3 });
    await guess(page, '9').waitFor();
    expect(await page.locator('#spoken').textContent()).toBe('');
    await page.mouse.up();
    await page.getByRole('status').filter({ hasText: 'It is taken for 9' }).waitFor();
    expect(await page.locator('#bengali').textContent()).toBe('৯');
    expect(await page.locator('#bars .best .value').textContent()).toMatch(/^\d+\.\d %$/);
    const seen = await page.evaluate<number>('document.querySelector("#seen").naturalWidth');
    expect(seen).toBe(10);
    await expectAccessible(page);
    await expectNoOverflow(page);

    await page.keyboard.press('Escape');
    await page.locator('#answer[data-state=empty]').waitFor();
    expect(await page.locator('#hint').isVisible()).toBe(true);

    await blacken(page);
    await guess(page, '[01]').waitFor();
    await page.keyboard.press('Control+z');
    expect(await page.locator('#undo').isEnabled()).toBe(true);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.locator('#answer[data-state=empty]').waitFor();
    expect(await page.locator('#undo').isDisabled()).toBe(true);

    await page.locator('#file').setInputFiles(join(dir, 'three.png'));
    await guess(page, '3').waitFor();
    await page.locator('#file').setInputFiles(join(dir, 'notes.txt'));
    await page.getByRole('alert').filter({ hasText: 'not an image that can be read' }).waitFor();
    await page.locator('#answer[data-state=empty]').waitFor();
    await page.keyboard.press('Delete');
    await page.getByRole('alert').waitFor({ state: 'hidden' });

    // A refused image is told as a failed request, too; nothing else is complained about.
    expect(complaints.filter((text) => !text.includes('422'))).toEqual([]);
    expect(elsewhere).toEqual([]);

    program.kill('SIGTERM');
    expect((await program.ended).code).toBe(0);
    await blacken(page);
    await page.getByRole('alert').filter({ hasText: 'The server does not answer' }).waitFor();
    await page.close();
  });

  it('works with a finger on a phone, in the dark', async () => {
    const { url } = await serve();
    const { width, height, colorScheme } = phone;
    const context = await browser.newContext({ viewport: { width, height }, colorScheme, hasTouch: true });
    const page = await context.newPage();
    page.setDefaultTimeout(90_000);
    await page.goto(url);
    await page.locator('#bars li').nth(9).waitFor();
    await page.locator('#pad').tap();
    await guess(page, '9').waitFor();
    await expectNoOverflow(page);
    await expectAccessible(page);
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(14, 18, 24)');
    // The sheet itself does not scroll under the finger.
    expect(await page.evaluate('getComputedStyle(document.querySelector("#pad")).touchAction')).toBe('none');
    await context.close();
  });
});
