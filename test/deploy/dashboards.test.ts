import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { dashboards, fileOf } from '../../deploy/grafana/src/index.js';
import { type PrivateBroker, startPrivateBroker } from '../support/broker.js';
import { type FaultRuns, openFaultRuns } from '../support/fault-run.js';
import { freePorts } from '../support/private-broker.js';
import { type Series, startPrometheus, type TestPrometheus } from '../support/prometheus.js';
import {
  type DashboardFile,
  filled,
  markQuestions,
  metricsIn,
  panelQuestions,
  variableQuestions,
} from './dashboard-queries.js';

vi.setConfig({ testTimeout: 120_000 });

const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));
const built = Object.entries(dashboards).map(([file, build]) => {
  const content = fileOf(build());
  const dashboard: DashboardFile = JSON.parse(content);
  return { file, content, dashboard };
});

describe.each(built)('$file', ({ file, content, dashboard }) => {
  it('is what `npm run dashboards` writes', async () => {
    expect(await readFile(`${deploy}grafana/dashboards/${file}`, 'utf8')).toBe(content);
  });

  it('explains every panel, with a unit, and a name for every curve', () => {
    for (const { type, title, description, fieldConfig, targets = [] } of dashboard.panels) {
      if (type === 'row') continue;
      expect(description?.length, title).toBeGreaterThan(20);
      expect(targets, title).not.toEqual([]);
      if (type === 'table') continue;
      expect(fieldConfig?.defaults.unit, title).toBeDefined();
      for (const { legendFormat } of targets) expect(legendFormat, title).toMatch(/./);
    }
  });
});

/** The configuration of deploy/compose.yaml, with the targets of this machine and twice a second. */
async function configuration(coordinator: string, broker: string): Promise<string> {
  const text = await readFile(`${deploy}prometheus/compose.yml`, 'utf8');
  const file: {
    global: { scrape_interval: string };
    rule_files: string[];
    scrape_configs: { static_configs: { targets: string[] }[]; params?: { vhost: string[] } }[];
  } = parse(text.replaceAll('coordinator:9464', coordinator).replaceAll('broker:15692', broker));
  file.global.scrape_interval = '500ms';
  file.rule_files = [`${deploy}prometheus/alerts.yml`];
  // On the broker of the tests the run is in the virtual host that is there from the start.
  for (const { params } of file.scrape_configs) if (params !== undefined) params.vhost = ['/'];
  return stringify(file);
}

const eventually = (what: () => Promise<void>): Promise<void> =>
  vi.waitFor(what, { timeout: 90_000, interval: 250 });

/** Series that have a number somewhere. */
const withNumbers = (series: Series[]): Series[] =>
  series.filter(({ samples }) => samples.some(([, value]) => Number.isFinite(Number(value))));

describe('on a run in which a worker dies and the coordinator is resumed', () => {
  const startMs = Date.now();
  let broker: PrivateBroker;
  let runs: FaultRuns;
  let prometheus: TestPrometheus;
  /** Names of all metrics that coordinator and broker have. */
  const pages: string[] = [];
  const variables = {
    run: 'proof',
    worker: '.*',
    // Four times the scrape interval, as Grafana makes it.
    __rate_interval: '2s',
  };

  const seen = (expr: string): Promise<void> =>
    eventually(async () => expect(await prometheus.query(expr), expr).not.toEqual([]));

  beforeAll(async () => {
    broker = await startPrivateBroker({
      plugins: ['rabbitmq_prometheus'],
      files: {},
      configuration: () => 'collect_statistics_interval = 1000',
    });
    runs = await openFaultRuns(broker.url);
    const [port = 0] = await freePorts(1);
    const coordinatorPlace = `127.0.0.1:${port}`;
    prometheus = await startPrometheus(runs.path, await configuration(coordinatorPlace, broker.metricsPlace));

    const options = ['--run', 'proof', '--epochs', '100000', '--heartbeat-ms', '500', '--audit', '0.1'];
    const start = (...more: string[]) =>
      runs.coordinator('runs/proof', ['--metrics-port', String(port), ...options, ...more]);
    await runs.worker('survivor');
    const victim = await runs.worker('victim');
    const first = await start('--min-workers', '2');
    await first.says(/Epoch 1 of/);
    await seen('onko_worker_busy_seconds_total{worker="victim"} > 0');
    victim.kill('SIGKILL');
    await seen('onko_worker_departures_total{cause="death"} > 0');
    await seen('onko_checkpoints_total > 1');
    first.kill('SIGKILL');
    await first.ended;
    await start('--resume');
    await seen('onko_fence == 2 and on (run) onko_run_phase{phase="training"} == 1');

    const urls = [
      `http://${coordinatorPlace}/metrics`,
      `http://${broker.metricsPlace}/metrics`,
      `http://${broker.metricsPlace}/metrics/detailed?family=queue_coarse_metrics&vhost=/`,
    ];
    for (const url of urls) {
      const page = await (await fetch(url)).text();
      pages.push(...[...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name));
    }
  });
  afterAll(async () => {
    await prometheus?.stop();
    await runs?.dispose();
    await broker?.stop();
  });

  it('every target of the configuration is scraped', () =>
    eventually(async () => expect(await prometheus.complaints()).toEqual([])));

  const panels = built.flatMap(({ file, dashboard }) => panelQuestions(file, dashboard));
  const marks = built.flatMap(({ file, dashboard }) => markQuestions(file, dashboard));

  it.each(panels)('panel $title', async ({ expr, instant }) => {
    const question = filled(expr, variables);
    const ask = (): Promise<Series[]> =>
      instant ? prometheus.query(question) : prometheus.queryRange(question, startMs);
    await eventually(async () => expect(withNumbers(await ask()), question).not.toEqual([]));
  });

  it.each(marks)('mark $title', async ({ expr }) => {
    const question = filled(expr, variables);
    await eventually(async () =>
      expect(withNumbers(await prometheus.queryRange(question, startMs)), question).not.toEqual([]),
    );
  });

  it.each(built.flatMap(({ file, dashboard }) => variableQuestions(file, dashboard)))(
    'variable $title',
    async ({ selector, label }) => {
      await eventually(async () =>
        expect(await prometheus.labelValues(filled(selector, variables), label)).not.toEqual([]),
      );
    },
  );

  it('every metric that is named exists, those of the alerts included', async () => {
    const alerts: { groups: { rules: { expr: string }[] }[] } = parse(
      await readFile(`${deploy}prometheus/alerts.yml`, 'utf8'),
    );
    const questions = [...panels, ...marks, ...alerts.groups.flatMap(({ rules }) => rules)];
    const named = questions.flatMap(({ expr }) => metricsIn(expr));
    expect(named.length).toBeGreaterThan(80);
    expect([...new Set(named)].filter((name) => !pages.includes(name))).toEqual([]);
  });
});
