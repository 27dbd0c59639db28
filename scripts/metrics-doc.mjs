/**
 * The tables of docs/metrics.md, from the registries themselves:
 *
 *     npm run docs:metrics              writes them
 *     node scripts/metrics-doc.mjs --check    ends with 1 if they are not what the program has
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { createCoordinatorMetrics } from '../dist/coordinator/metrics.js';
import { createServiceMetrics } from '../dist/infer/service/metrics.js';
import { createReducerMetrics } from '../dist/reducer/metrics.js';
import { createWorkerMetrics } from '../dist/worker/metrics.js';

const path = new URL('../docs/metrics.md', import.meta.url);
const now = () => 0;

const coordinator = new Registry();
createCoordinatorMetrics(
  coordinator,
  {
    run: 'r',
    fence: 1,
    version: 'v',
    model: 'm',
    optimizer: 'o',
    transport: 't',
    data: 'd',
    kernels: 'k',
    numericsId: 'n',
    totalSteps: 1,
    epochs: 1,
  },
  now,
);
const worker = new Registry();
createWorkerMetrics(worker, { worker: 'w', version: 'v', threads: 1, kernels: 'k', numericsId: 'n' }, now);

const reducer = new Registry();
createReducerMetrics(reducer, { reducer: 'r', version: 'v', kernels: 'k', numericsId: 'n' }, now);

const service = new Registry();
createServiceMetrics(service, { version: 'v', kernels: 'k', numericsId: 'n' });

/** The values of a label that are there from the start, if there are any. An info metric's are those of the run. */
const valuesOf = (name, label, values) => {
  const known = name.endsWith('_info') ? [] : values.map(({ labels }) => labels[label]);
  const distinct = [...new Set(known.filter((value) => value !== undefined))];
  return distinct.length === 0 ? '' : `: ${distinct.join(', ')}`;
};

const table = async (registry) => {
  const metrics = registry.getMetricsAsArray();
  const rows = metrics.map(async ({ name, type, help, labelNames }) => {
    const { values } = await registry.getSingleMetric(name).get();
    const labels = labelNames.map((label) => `\`${label}\`${valuesOf(name, label, values)}`).join('; ');
    return `| \`${name}\` | ${type} | ${labels === '' ? '–' : labels} | ${help} |`;
  });
  const head = ['| metric | type | labels | what it says |', '|---|---|---|---|'];
  return [...head, ...(await Promise.all(rows))].join('\n');
};

const tables = {
  coordinator: await table(coordinator),
  worker: await table(worker),
  reducer: await table(reducer),
  service: await table(service),
};
const before = readFileSync(path, 'utf8');
let after = before;
for (const [name, text] of Object.entries(tables)) {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const parts = after.split(new RegExp(`${begin}[\\s\\S]*?${end}`));
  if (parts.length !== 2) throw new Error(`docs/metrics.md lacks "${begin}" and "${end}", once each.`);
  after = `${parts[0]}${begin}\n${text}\n${end}${parts[1]}`;
}
if (!process.argv.includes('--check')) writeFileSync(path, after);
else if (after !== before) {
  console.error('docs/metrics.md is not what the program has: run `npm run docs:metrics`.');
  process.exitCode = 1;
}
