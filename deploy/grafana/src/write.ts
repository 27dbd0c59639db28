// `npm run dashboards`: writes the dashboards into ../dashboards, where Grafana reads them.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboards, fileOf } from './index.js';

const [folder = ''] = process.argv.slice(2);
for (const [name, build] of Object.entries(dashboards)) {
  writeFileSync(join(folder, name), fileOf(build()));
  console.log(name);
}
