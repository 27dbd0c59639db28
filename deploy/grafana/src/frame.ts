import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { dataSource } from './parts.js';
import { justGrown } from './promql.js';

/** What happened, as marks on every curve: counters that grew, as Prometheus sees them. */
const marks = [
  {
    name: 'Joins',
    expr: justGrown('onko_worker_joins_total'),
    text: 'a worker joined',
    color: 'green',
  },
  {
    name: 'Deaths',
    expr: justGrown('onko_worker_departures_total', '{run="$run",cause=~"death|expelled"}'),
    text: 'a worker is gone: {{cause}}',
    color: 'red',
  },
  {
    name: 'Checkpoints',
    expr: justGrown('onko_checkpoints_total'),
    text: 'checkpoint',
    color: 'blue',
  },
  {
    name: 'Resumes',
    // The first half minute with a fence that was not there in the hour before: however long the run had no coordinator.
    expr: 'onko_fence{run="$run"} > 1 unless onko_fence{run="$run"} == max_over_time(onko_fence{run="$run"}[1h] offset 30s)',
    text: 'resumed',
    color: 'purple',
  },
];

/** A dashboard with everything but its panels: variables, marks, links to its sisters. */
export function frame(o: {
  uid: string;
  title: string;
  description: string;
  workers: boolean;
}): DashboardBuilder {
  const dashboard = new DashboardBuilder(o.title)
    .uid(o.uid)
    .description(o.description)
    .tags(['onko'])
    .readonly()
    .timezone('browser')
    .time({ from: 'now-15m', to: 'now' })
    .refresh('5s')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('Onko')
        .type(DashboardLinkType.Dashboards)
        .tags(['onko'])
        .keepTime(true)
        .includeVars(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(
      new QueryVariableBuilder('run')
        .label('Run')
        .description('The run, by its name.')
        .datasource(dataSource)
        .query('label_values(onko_run_info, run)')
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .sort(VariableSort.AlphabeticalAsc),
    );
  if (o.workers)
    dashboard.withVariable(
      new QueryVariableBuilder('worker')
        .label('Worker')
        .description('Workers of the run.')
        .datasource(dataSource)
        .query('label_values(onko_worker_threads{run="$run"}, worker)')
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .sort(VariableSort.AlphabeticalAsc)
        .multi(true)
        .includeAll(true)
        .allValue('.*')
        .current({ selected: true, text: 'All', value: '$__all' }),
    );
  for (const { name, expr, text, color } of marks)
    dashboard.annotation(
      new AnnotationQueryBuilder()
        .name(name)
        .datasource(dataSource)
        .enable(true)
        .iconColor(color)
        .target(new DataqueryBuilder().refId('Mark').expr(expr).range().interval('5s'))
        .titleFormat(name)
        .textFormat(text),
    );
  return dashboard;
}
