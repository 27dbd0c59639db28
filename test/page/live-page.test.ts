import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible, expectNoOverflow, openBrowser, openPage, phone } from '../support/browser.js';
import { endPrograms, type RunningProgram, startProgram } from '../support/start-program.js';
import { writeTinyRun } from '../support/tiny-run.js';

let dir = '';
let browser: Browser;

beforeAll(async () => {
  browser = await openBrowser();
  dir = await mkdtemp(join(tmpdir(), 'onko-page-'));
  // Until it is stopped.
  const options = { kernels: 'reference', epochs: 100_000, validate: 0.4 };
  await writeTinyRun(dir, { images: 640, side: 10, hidden: 16, options });
});
afterEach(endPrograms);
afterAll(async () => {
  await browser?.close();
  await rm(dir, { recursive: true, force: true });
});

let runs = 0;
/** A run that goes on until it is stopped, and where it can be watched. */
async function watchedRun(args: string[] = []): Promise<{ run: RunningProgram; url: string }> {
  runs += 1;
  const given = ['train', '--workers', '2', '--out', `runs/${runs}`, ...args];
  const run = startProgram('onko', given, { cwd: dir, env: { HOME: dir } });
  const [, url = ''] = await run.says(/watched url=(http:\S+)/);
  return { run, url };
}

describe('the live page of a run', { timeout: 180_000 }, () => {
  it('shows figures that move, workers, the confusion matrix and sixteen digits, on a phone and in the dark, too, and how it ended', async () => {
    const { run, url } = await watchedRun();
    const { page, complaints } = await openPage(browser);
    const elsewhere: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) elsewhere.push(request.url());
    });
    await page.goto(url);
    await page.locator('#state', { hasText: 'training' }).waitFor();
    await page.locator('#gallery img').nth(15).waitFor();
    expect(await page.locator('#gallery img').count()).toBe(16);
    expect(await page.locator('#gallery img').first().getAttribute('alt')).toBe('A handwritten 0');
    await page.locator('#confusion td.right').first().waitFor();
    const counts = await page.locator('#confusion tbody td:not(.sum)').allTextContents();
    expect(counts).toHaveLength(100);
    expect(counts.reduce((sum, count) => sum + Number(count), 0)).toBe(256);

    expect(await page.locator('#workers tbody tr').count()).toBe(2);
    await page.getByRole('rowheader', { name: 'local-2' }).waitFor();
    await page.locator('#workers [role=img]').first().waitFor();
    expect(await page.locator('#workers [role=img]').first().getAttribute('aria-label')).toMatch(
      /^computing \d+ %, fetching \d+ %, waiting \d+ %$/,
    );
    await page.getByRole('cell', { name: 'reference' }).first().waitFor();

    await page.locator('#phases dt').nth(4).waitFor();
    expect(await page.locator('#phases dt').allTextContents()).toEqual([
      'broadcast',
      'queue',
      'compute',
      'sum',
      'update',
    ]);
    await page.locator('#throughput polyline').waitFor({ state: 'attached' });
    expect(await page.locator('#loss svg').getAttribute('aria-label')).toMatch(
      /^Loss: training from .+ to .+; validation from/,
    );

    const step = page.locator('#figures div', { hasText: 'Step' }).locator('dd span');
    const before = await step.textContent();
    await expect.poll(() => step.textContent(), { timeout: 60_000 }).not.toBe(before);
    await expectAccessible(page);
    await expectNoOverflow(page);

    const small = await openPage(browser, phone);
    await small.page.goto(url);
    await small.page.locator('#gallery img').nth(15).waitFor();
    await small.page.locator('#workers [role=img]').first().waitFor();
    await small.page.locator('#phases dt').first().waitFor();
    await expectNoOverflow(small.page);
    await expectAccessible(small.page);
    const paper = await small.page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(paper).toBe('rgb(14, 18, 24)');
    expect(small.complaints).toEqual([]);
    await small.page.close();

    run.kill('SIGTERM');
    expect((await run.ended).code).toBe(143);
    await page.locator('#state', { hasText: 'stopped' }).waitFor();
    expect(await page.locator('#lost').textContent()).toContain('The coordinator has ended');
    expect(complaints).toEqual([]);
    expect(elsewhere).toEqual([]);
    await page.close();
  });

  it('says that the connection is lost, and goes on by itself when a run is there again', async () => {
    const { run, url } = await watchedRun();
    const { page } = await openPage(browser);
    await page.goto(url);
    await page.locator('#state', { hasText: 'training' }).waitFor();
    const name = await page.locator('#run').textContent();
    run.kill('SIGKILL');
    await page.locator('#state', { hasText: 'connection lost' }).waitFor();
    expect(await page.getByRole('alert').textContent()).toContain('Trying again');

    await watchedRun(['--metrics-port', new URL(url).port]);
    await page.locator('#state', { hasText: 'training' }).waitFor();
    await page.locator('#lost').waitFor({ state: 'hidden' });
    expect(await page.locator('#run').textContent()).not.toBe(name);
    await page.close();
  });

  it('is not there where one says so', async () => {
    const given = [
      'train',
      '--workers',
      '1',
      '--epochs',
      '1',
      '--out',
      'runs/unseen',
      '--metrics-port',
      'none',
    ];
    const unseen = await startProgram('onko', given, { cwd: dir, env: { HOME: dir } }).ended;
    expect(unseen.code).toBe(0);
    expect(unseen.stderr).not.toContain('url=');
  });
});
