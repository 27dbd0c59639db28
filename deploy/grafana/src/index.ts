import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { clusterDashboard } from './cluster.js';
import { healthDashboard } from './health.js';
import { trainingDashboard } from './training.js';

/** Every dashboard, by the name of its file in ../dashboards. */
export const dashboards: Readonly<Record<string, () => Dashboard>> = {
  'training.json': trainingDashboard,
  'cluster.json': clusterDashboard,
  'health.json': healthDashboard,
};

/** What stands in the file: panels numbered as they stand, so that links to one of them stay good. */
export function fileOf(dashboard: Dashboard): string {
  for (const [i, panel] of (dashboard.panels ?? []).entries()) panel.id = i + 1;
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
