import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

/** One question that a dashboard asks Prometheus. */
export interface Question {
  /** Dashboard, panel and query, for people. */
  title: string;
  expr: string;
  /** What is so now, or the course of it. */
  instant: boolean;
}

interface Target {
  refId: string;
  expr: string;
  instant?: boolean;
}

/** Every query of every panel. */
export function panelQuestions(file: string, dashboard: Dashboard): Question[] {
  return (dashboard.panels ?? []).flatMap((panel) => {
    if (!('targets' in panel)) return [];
    const targets = (panel.targets ?? []) as unknown as Target[];
    return targets.map(({ refId, expr, instant }) => ({
      title: `${file}: ${panel.title ?? ''} ${refId}`,
      expr,
      instant: instant === true,
    }));
  });
}

/** Every query of a mark. */
export function markQuestions(file: string, dashboard: Dashboard): Question[] {
  return (dashboard.annotations?.list ?? []).map(({ name, target }) => ({
    title: `${file}: ${name}`,
    expr: (target as unknown as Target).expr,
    instant: false,
  }));
}

/** Every variable that asks Prometheus, as selector and label. */
export function variableQuestions(
  file: string,
  dashboard: Dashboard,
): { title: string; selector: string; label: string }[] {
  return (dashboard.templating?.list ?? []).flatMap(({ type, name, query }) => {
    if (type !== 'query') return [];
    const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(String(query)) ?? [];
    if (label === '') throw new Error(`${file}: the variable ${name} asks ${String(query)}.`);
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
