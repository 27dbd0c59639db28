import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { testProgram } from '../support/program.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const rules = `${root}deploy/prometheus/alerts.yml`;
const trials = `${root}test/deploy/alerts.yml`;

interface Alert {
  alert: string;
  labels: { severity: string };
  annotations: { summary: string; description: string; runbook: string };
}
const { groups }: { groups: { rules: Alert[] }[] } = parse(await readFile(rules, 'utf8'));
const alerts = groups.flatMap((group) => group.rules);

let promtool: string;
beforeAll(async () => {
  promtool = await testProgram('promtool');
});

it('promtool finds nothing wrong with the rules and the configurations', async () => {
  await run(promtool, ['check', 'rules', rules]);
  for (const name of ['prometheus.yml', 'compose.yml'])
    await run(promtool, ['check', 'config', `${root}deploy/prometheus/${name}`]);
});

it('promtool test rules: every alert fires when it should, and not when it should not', async () => {
  const { stdout } = await run(promtool, ['test', 'rules', trials]);
  expect(stdout).toContain('SUCCESS');
});

describe.each(alerts)('$alert', ({ alert, labels, annotations }) => {
  it('is tried both ways', async () => {
    const { tests }: { tests: { alert_rule_test: { alertname: string; exp_alerts?: unknown[] }[] }[] } =
      parse(await readFile(trials, 'utf8'));
    const tried = tests.flatMap((one) => one.alert_rule_test).filter(({ alertname }) => alertname === alert);
    expect(tried.some(({ exp_alerts }) => exp_alerts !== undefined)).toBe(true);
    expect(tried.some(({ exp_alerts }) => exp_alerts === undefined)).toBe(true);
  });

  it('says what is wrong, how bad it is, and where to read what to do', async () => {
    expect(['info', 'warning', 'critical']).toContain(labels.severity);
    expect(annotations.summary).toMatch(/\.$/);
    expect(annotations.description).toMatch(/\.$/);
    expect(annotations.runbook).toBe(`docs/operations.md#${alert.toLowerCase()}`);
    expect(await readFile(`${root}docs/operations.md`, 'utf8')).toContain(`\n### ${alert}\n`);
  });
});
