import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  type DataSourceRef,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type Panel,
  RowBuilder,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** Of the dashboard's variable: whoever imports a dashboard by hand chooses a data source. */
export const dataSource: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

/** Units by Grafana's own names. */
export type Unit =
  | 'short'
  | 'none'
  | 'percentunit'
  | 's'
  | 'dtdurations'
  | 'bytes'
  | 'Bps'
  | 'ops'
  | 'cps'
  | 'img/s'
  | 'nats'
  | 'sci';

/** From green to yellow at `warn` and to red at `bad`; the other way round if `bad` is the smaller one. */
export interface Limits {
  warn: number;
  bad: number;
}

export interface Query {
  /** PromQL, with $run and $worker, and $__rate_interval for every range. */
  expr: string;
  /** Name of each series; {{label}} is filled in. */
  legend: string;
}

interface Described {
  title: string;
  /** What it says, and what to do about it. */
  description: string;
  unit: Unit;
  queries: Query[];
  limits?: Limits;
  /** Of 24 columns. */
  width?: number;
  min?: number;
  max?: number;
  decimals?: number;
}

function thresholds(limits: Limits | undefined): ThresholdsConfigBuilder {
  const steps: Threshold[] = [];
  if (limits === undefined) steps.push({ value: null, color: 'green' });
  else if (limits.warn < limits.bad)
    steps.push(
      { value: null, color: 'green' },
      { value: limits.warn, color: 'yellow' },
      { value: limits.bad, color: 'red' },
    );
  else
    steps.push(
      { value: null, color: 'red' },
      { value: limits.bad, color: 'yellow' },
      { value: limits.warn, color: 'green' },
    );
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

function query({ expr, legend }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .datasource(dataSource)
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .expr(expr)
    .legendFormat(legend);
}

/** What every panel of figures shows alike. `height`: in rows of the dashboard's grid; `width`: where the description has none. */
function described<P extends TimeseriesBuilder | StatBuilder>(
  panel: P,
  o: Described,
  { height, width }: { height: number; width: number },
): P {
  panel
    .title(o.title)
    .description(o.description)
    .datasource(dataSource)
    .unit(o.unit)
    .height(height)
    .span(o.width ?? width)
    .thresholds(thresholds(o.limits));
  if (o.min !== undefined) panel.min(o.min);
  if (o.max !== undefined) panel.max(o.max);
  if (o.decimals !== undefined) panel.decimals(o.decimals);
  return panel;
}

/** Curves over time. `stacked`: parts of a whole. `bars`: counts of things that happen now and then. */
export function curves(o: Described & { stacked?: boolean; bars?: boolean }): Builder<Panel> {
  const panel = described(new TimeseriesBuilder(), o, { height: 8, width: 8 })
    .lineWidth(1)
    .fillOpacity(o.stacked === true ? 40 : o.bars === true ? 60 : 8)
    .drawStyle(o.bars === true ? GraphDrawStyle.Bars : GraphDrawStyle.Line)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
    .thresholdsStyle(
      new GraphThresholdsStyleConfigBuilder().mode(
        o.limits === undefined ? GraphThresholdsStyleMode.Off : GraphThresholdsStyleMode.Dashed,
      ),
    )
    .targets(o.queries.map((one, i) => query(one, i).range()));
  if (o.stacked === true || o.bars === true)
    panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  return panel;
}

/** One figure, large, with its course behind it. `named`: the series' name is the answer, not its value. */
export function figure(o: Described & { named?: boolean }): Builder<Panel> {
  return (
    described(new StatBuilder(), o, { height: 4, width: 4 })
      .colorMode(o.limits === undefined ? BigValueColorMode.None : BigValueColorMode.Value)
      .graphMode(o.named === true ? BigValueGraphMode.None : BigValueGraphMode.Area)
      .textMode(o.named === true ? BigValueTextMode.Name : BigValueTextMode.Auto)
      .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
      .noValue('–')
      // What a `named` figure says is what is so now, not what was so at some time.
      .targets(
        o.queries.map((one, i) => (o.named === true ? query(one, i).instant() : query(one, i).range())),
      )
  );
}

export interface Column {
  /** The query's label or `Value #A`, as Grafana calls the value of the first query. */
  field: string;
  name: string;
  unit?: Unit;
}

/** What is so now, a row for each value of `by`. Columns that are not named are left out. */
export function table(o: {
  title: string;
  description: string;
  queries: Query[];
  by: string;
  columns: Column[];
  width?: number;
}): Builder<Panel> {
  const named = new Set(o.columns.map(({ field }) => field));
  const panel = new TableBuilder()
    .title(o.title)
    .description(o.description)
    .datasource(dataSource)
    .height(8)
    .span(o.width ?? 24)
    .targets(o.queries.map((one, i) => query(one, i).instant().format(PromQueryFormat.Table)))
    .withTransformation({ id: 'joinByField', options: { byField: o.by, mode: 'outer' } })
    .withTransformation({
      id: 'filterFieldsByName',
      options: { include: { names: [...named] } },
    })
    .withTransformation({
      id: 'organize',
      options: {
        renameByName: Object.fromEntries(o.columns.map(({ field, name }) => [field, name])),
        indexByName: Object.fromEntries(o.columns.map(({ field }, i) => [field, i])),
      },
    });
  for (const { name, unit } of o.columns)
    if (unit !== undefined) panel.overrideByName(name, [{ id: 'unit', value: unit }]);
  return panel;
}

export function row(title: string): RowBuilder {
  return new RowBuilder(title);
}
