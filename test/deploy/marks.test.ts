import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { dashboards, fileOf } from '../../deploy/grafana/src/index.js';
import { testProgram } from '../support/program.js';
import { temporaryFolder } from '../support/small-data.js';
import { type DashboardFile, filled, markQuestions } from './dashboard-queries.js';

const training: DashboardFile = JSON.parse(fileOf(dashboards['training.json']()));
const joins = markQuestions('', training).find(({ title }) => title.endsWith('Joins'));

/** What the counter is each 15 s (`_`: not scraped), and at which seconds there is a mark. Four scrapes are 60 s. */
const courses = [
  { course: 'it grows from zero', values: '0x4 1x10', marked: [75, 105], unmarked: [45, 150] },
  { course: 'it is not zero when first scraped', values: '_x3 2x12', marked: [60, 90], unmarked: [30, 150] },
  {
    course: 'it begins anew after its process died, and is not zero when first scraped',
    values: '2x6 stale _x8 1x12',
    marked: [240, 270],
    unmarked: [80, 150, 210, 345],
  },
  { course: 'it stands', values: '0x20', marked: [], unmarked: [0, 60, 200] },
];

describe('the mark of a counter that grew', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let promtool: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
    promtool = await testProgram('promtool');
  });
  afterAll(() => folder.dispose());

  it.each(courses)('$course', async ({ values, marked, unmarked }) => {
    const question = `count(${filled(joins?.expr ?? '', { run: 'r', __rate_interval: '60s' })})`;
    const asked = (atS: number, exp_samples: { labels: string; value: number }[]) => ({
      expr: question,
      eval_time: `${atS}s`,
      exp_samples,
    });
    const file = join(folder.path, 'marks.yml');
    await writeFile(
      file,
      stringify({
        evaluation_interval: '15s',
        tests: [
          {
            interval: '15s',
            input_series: [{ series: 'onko_worker_joins_total{run="r",instance="i"}', values }],
            promql_expr_test: [
              ...marked.map((atS) => asked(atS, [{ labels: '{}', value: 1 }])),
              ...unmarked.map((atS) => asked(atS, [])),
            ],
          },
        ],
      }),
    );
    const { stdout } = await promisify(execFile)(promtool, ['test', 'rules', file]);
    expect(stdout).toContain('SUCCESS');
  });
});
