import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunStatus } from '../../src/coordinator/index.js';
import { type TestVhost, testVhost } from '../support/broker.js';
import { expectAccessible, expectNoOverflow, openBrowser, openPage, phone } from '../support/browser.js';
import { type FaultRuns, openFaultRuns } from '../support/fault-run.js';
import { endPrograms, startProgram } from '../support/start-program.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let browser: Browser;
let vhost: TestVhost;
let runs: FaultRuns;
beforeAll(async () => {
  browser = await openBrowser();
  vhost = await testVhost();
  runs = await openFaultRuns(vhost.url);
});
afterEach(endPrograms);
afterAll(async () => {
  await browser?.close();
  await runs?.dispose();
  await vhost?.dispose();
});

async function status(...args: string[]): Promise<string> {
  const env = { ONKO_BROKER: vhost.url, HOME: runs.path };
  const given = ['status', '--log-level', 'error', ...args];
  const { code, stdout, stderr } = await startProgram('onko', given, { cwd: runs.path, env }).ended;
  expect(code, stderr).toBe(0);
  return stdout;
}

const cells = (page: Page): Promise<string[]> => page.locator('#reducers tbody td').allTextContents();
const note = (page: Page, text: string): Promise<void> =>
  page.locator('#reducers p', { hasText: text }).waitFor();

describe('the reducers of a run', () => {
  it('are shown on the live page, by onko status and in the metrics: who holds which range, and what is missing', async () => {
    const run = await runs.coordinator('runs/shown', ['--reducers', '2', '--epochs', '100000']);
    const [, url = ''] = await run.says(/watched url=(http:\S+)/);
    const { page, complaints } = await openPage(browser);
    await page.goto(url);
    await page.locator('#state', { hasText: 'waiting for reducers' }).waitFor();
    await note(page, 'Waiting for reducers for ranges 0 and 1 of 2.');
    const first = await runs.reducer('first');
    await note(page, 'Waiting for a reducer for range 1 of 2.');
    await runs.reducer('second');
    await note(page, 'The gradient is summed in 2 ranges, by a reducer each.');
    await page.locator('#state', { hasText: 'waiting for workers' }).waitFor();
    await runs.worker('w1');
    await page.locator('#state', { hasText: 'training' }).waitFor();
    const [{ ranges }]: [RunStatus] = JSON.parse(await status('--json'));
    expect(ranges).toMatchObject([
      { range: 0, reducer: 'first', state: 'held', before: null },
      { range: 1, reducer: 'second', state: 'held', before: null },
    ]);
    expect((await cells(page)).filter((_, i) => i % 5 === 0 || i % 5 === 2)).toEqual(
      ranges.flatMap(({ reducer, parameters }) => [reducer, `${parameters.toLocaleString('en-GB')} (50 %)`]),
    );
    expect([await run.metric('onko_ranges'), await run.metric('onko_ranges_held')]).toEqual([2, 2]);
    await expectAccessible(page);
    await expectNoOverflow(page);

    first.kill('SIGKILL');
    await note(page, 'Waiting for a reducer for range 0 of 2.');
    await page.locator('#reducers td', { hasText: /^nobody; first until \d+ s ago$/ }).waitFor();
    const table = await status();
    expect(table).toMatch(/^ {2}0 +\d+ +\d\d\.\d % +nobody +- +free +- /m);
    expect(table).toMatch(/^ {2}1 +\d+ +\d\d\.\d % +second +\S+ +held +\d+\.\d s ago /m);
    expect(table).toMatch(/^ {2}range 0 was with first on \S+, last seen \d+\.\d s ago$/m);
    const small = await openPage(browser, phone);
    await small.page.goto(url);
    await note(small.page, 'Waiting for a reducer');
    await expectNoOverflow(small.page);
    await expectAccessible(small.page);

    await runs.reducer('third');
    await note(page, 'by a reducer each');
    run.kill('SIGTERM');
    expect((await run.ended).code).toBe(143);
    await page.locator('#state', { hasText: 'stopped' }).waitFor();
    await note(page, 'by a reducer each');
    expect([...complaints, ...small.complaints]).toEqual([]);
  });

  it('are nothing to see where there are none', async () => {
    const run = await runs.coordinator('runs/none');
    const [, url = ''] = await run.says(/watched url=(http:\S+)/);
    const { page } = await openPage(browser);
    await page.goto(url);
    await page.locator('#state', { hasText: 'waiting for workers' }).waitFor();
    expect(await page.getByText('Reducers').filter({ visible: true }).count()).toBe(0);
    expect(await status()).not.toMatch(/reducer|range/);
    expect([await run.metric('onko_ranges'), await run.metric('onko_ranges_held')]).toEqual([0, 0]);
  });
});
