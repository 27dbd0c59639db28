import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { testProgram } from './program.js';

/** A real Chromium without window. One per test file: starting it takes a second. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: await testProgram('chromium'),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** How a page is looked at. */
export interface Look {
  width: number;
  height: number;
  colorScheme: 'light' | 'dark';
}
export const desktop: Look = { width: 1180, height: 900, colorScheme: 'light' };
export const phone: Look = { width: 360, height: 740, colorScheme: 'dark' };

/** A page of its own, and what it complained about: script errors, and everything that the policy or the network refused. */
export async function openPage(
  browser: Browser,
  { width, height, colorScheme }: Look = desktop,
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  // The machine may be busy with other tests.
  page.setDefaultTimeout(90_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // A connection that the other side closed is no mistake of the page.
    if (message.type() === 'error' && !/ERR_(CONNECTION|INCOMPLETE|EMPTY)/.test(message.text()))
      complaints.push(message.text());
  });
  return { page, complaints };
}

/** Nothing sticks out to the right of the window. */
export async function expectNoOverflow(page: Page): Promise<void> {
  const widths = await page.evaluate<{ content: number; window: number }>(
    '({ content: document.documentElement.scrollWidth, window: document.documentElement.clientWidth })',
  );
  expect(widths.content).toBeLessThanOrEqual(widths.window);
}

interface Violation {
  id: string;
  impact: string;
  nodes: { target: string[]; failureSummary: string }[];
}

/** axe finds nothing serious or critical. It is let in by the debugger: the policy of the page would keep it out. */
export async function expectAccessible(page: Page): Promise<void> {
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(axe);
  const violations = await page.evaluate<Violation[]>('axe.run().then((result) => result.violations)');
  const bad = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const told = bad.map(({ id, nodes }) => ({
    id,
    at: nodes.map(({ target, failureSummary }) => `${target.join(' ')}: ${failureSummary}`).slice(0, 5),
  }));
  expect(told).toEqual([]);
}
