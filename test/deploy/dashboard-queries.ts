interface Target {
  refId: string;
  expr: string;
  legendFormat?: string;
  instant?: boolean;
}

/** What these tests read of a dashboard's JSON. */
export interface DashboardFile {
  panels: {
    type: string;
    title: string;
    description?: string;
    fieldConfig?: { defaults: { unit?: string } };
    targets?: Target[];
  }[];
  templating: { list: { type: string; name: string; query: string }[] };
  annotations: { list: { name: string; target: Target }[] };
}

/** One question that a dashboard asks Prometheus. */
export interface Question {
  /** Dashboard, panel and query, for people. */
  title: string;
  expr: string;
  /** What is so now, or the course of it. */
  instant: boolean;
}

/** Every query of every panel. */
export function panelQuestions(file: string, { panels }: DashboardFile): Question[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ refId, expr, instant }) => ({
      title: `${file}: ${title} ${refId}`,
      expr,
      instant: instant === true,
    })),
  );
}

/** Every query of a mark. */
export function markQuestions(file: string, { annotations }: DashboardFile): Question[] {
  return annotations.list.map(({ name, target }) => ({
    title: `${file}: ${name}`,
    expr: target.expr,
    instant: false,
  }));
}

/** Every variable that asks Prometheus, as selector and label. */
export function variableQuestions(
  file: string,
  { templating }: DashboardFile,
): { title: string; selector: string; label: string }[] {
  return templating.list.flatMap(({ type, name, query }) => {
    if (type !== 'query') return [];
    const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
    if (label === '') throw new Error(`${file}: the variable ${name} asks ${query}.`);
    return [{ title: `${file}: $${name}`, selector, label }];
  });
}

/** As Grafana fills it in. */
export function filled(expr: string, variables: Record<string, string>): string {
  return expr.replaceAll(/\$(\w+)/g, (_, name: string) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`${expr}: there is no variable ${name}.`);
    return value;
  });
}

/** Names of metrics in a query, without what PromQL adds to those of histograms. */
export function metricsIn(expr: string): string[] {
  // Text in quotes is values of labels.
  const bare = expr.replaceAll(/"[^"]*"/g, '""');
  return (bare.match(/\b(?:onko|rabbitmq|process|nodejs)_\w+/g) ?? []).map((name) =>
    name.replace(/_(?:bucket|sum|count)$/, ''),
  );
}
