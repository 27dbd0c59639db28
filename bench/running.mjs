// A stretch of a run that goes on: what its metrics say and what its processes used between two moments. Linux only.
import { readFileSync } from 'node:fs';

/** Sums and counts of a /metrics page by "name{labels}"; labels that differ between runs left out. */
export async function figuresOf(url) {
  // A new connection each time: an old one may just be closing.
  const page = await (await fetch(url, { headers: { connection: 'close' } })).text();
  const figures = new Map();
  for (const line of page.split('\n')) {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const kept = labels.split(',').filter((label) => label !== '' && !label.startsWith('run='));
    figures.set(kept.length === 0 ? name : `${name}{${kept.toSorted().join(',')}}`, Number(value));
  }
  return figures;
}

/** What `later` has more than `earlier`, under each name. */
export const increase = (earlier, later) =>
  new Map([...later].map(([name, value]) => [name, value - (earlier.get(name) ?? 0)]));

/** Clock ticks of /proc, per second. */
const ticks = 100;

/** Seconds of processor time that a process has used, all threads and both modes. */
export function processorSecondsOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program stands in brackets and may hold anything.
  const [, , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(user) + Number(system)) / ticks;
}

/** Where the page of a program is, once it has said so. */
export async function metricsUrlOf(program) {
  await program.says(/metrics are served url=\S+/);
  return /metrics are served url=(\S+)/.exec(program.output())[1];
}
