import type { WorkerRow, WorkersSection } from '../state.js';
import { byId, make } from './dom.js';
import { percent, whole } from './format.js';
import { type Cell, type Column, known, memberTable, seen } from './members.js';

const doings = ['computing', 'fetching', 'waiting'] as const;
const tones: Record<(typeof doings)[number], string> = {
  computing: 'tone-0',
  fetching: 'tone-2',
  waiting: 'tone-idle',
};
const columns: readonly Column[] = [
  { head: 'Worker', look: 'left' },
  { head: 'Host', look: 'left' },
  { head: 'Kernels', look: 'left' },
  { head: 'Last seen', look: 'right' },
  { head: 'Images/s', look: 'right' },
  { head: 'Blocks in hand', look: 'right' },
  { head: 'Doing', look: 'grow' },
];

export function showWorkers({ rows, more }: WorkersSection): void {
  const box = byId('workers');
  if (rows.length === 0) {
    box.replaceChildren(make('p', { class: 'soft' }, 'Nobody is here yet.'));
    return;
  }
  const legend = make(
    'p',
    { class: 'legend' },
    doings.map((name) => make('span', {}, [make('i', { class: tones[name] }), name])),
  );
  const isKnown = rows.some(({ doing }) => doing !== null);
  box.replaceChildren(
    memberTable('h-workers', columns, rows.map(cellsOf)),
    ...(more > 0 ? [make('p', { class: 'soft gap' }, `and ${whole(more)} more`)] : []),
    ...(isKnown ? [legend] : []),
  );
}

const cellsOf = (worker: WorkerRow): Cell[] => [
  { content: worker.name },
  known(worker.host),
  known(worker.kernels),
  seen(worker.lastSeenSeconds),
  { content: whole(worker.imagesPerSecond) },
  { content: String(worker.blocks) },
  { content: doingOf(worker) },
];

function doingOf({ doing, state }: WorkerRow): (Node | string)[] {
  if (state === 'preparing') return ['preparing'];
  if (doing === null) return ['–'];
  const words = doings.map((name) => `${name} ${percent(doing[name], 0)}`).join(', ');
  const parts = doings.map((name) => {
    const part = make('span', { class: tones[name] });
    part.style.setProperty('width', `${100 * doing[name]}%`);
    return part;
  });
  return [make('div', { class: 'stack thin', role: 'img', 'aria-label': words, title: words }, parts)];
}
