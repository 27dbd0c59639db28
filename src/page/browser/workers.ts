import type { WorkerRow, WorkersSection } from '../state.js';
import { byId, make } from './dom.js';
import { percent, whole } from './format.js';

const doings = ['computing', 'fetching', 'waiting'] as const;
const tones: Record<(typeof doings)[number], string> = {
  computing: 'tone-0',
  fetching: 'tone-2',
  waiting: 'tone-idle',
};
const heads = ['Worker', 'Host', 'Kernels', 'Last seen', 'Images/s', 'Blocks in hand', 'Doing'];
/** More than this since its last heartbeat is worth a look. */
const lateSeconds = 5;
/** Words to the left, numbers to the right. */
const lookOf = (column: number): string =>
  column < 3 ? 'left' : column === heads.length - 1 ? 'left grow' : '';

export function showWorkers({ rows, more }: WorkersSection): void {
  const box = byId('workers');
  if (rows.length === 0) {
    box.replaceChildren(make('p', { class: 'soft' }, 'Nobody is here yet.'));
    return;
  }
  // Roles are said although they are those of a table: on a phone its parts are laid out as blocks, and would lose them.
  const head = make('thead', { role: 'rowgroup' }, [
    make(
      'tr',
      { role: 'row' },
      heads.map((text, i) => make('th', { scope: 'col', role: 'columnheader', class: lookOf(i) }, text)),
    ),
  ]);
  const body = make('tbody', { role: 'rowgroup' }, rows.map(rowOf));
  const legend = make(
    'p',
    { class: 'legend' },
    doings.map((name) => make('span', {}, [make('i', { class: tones[name] }), name])),
  );
  const isKnown = rows.some(({ doing }) => doing !== null);
  box.replaceChildren(
    make('table', { class: 'rows workers', role: 'table', 'aria-labelledby': 'h-workers' }, [head, body]),
    ...(more > 0 ? [make('p', { class: 'soft gap' }, `and ${whole(more)} more`)] : []),
    ...(isKnown ? [legend] : []),
  );
}

function rowOf(worker: WorkerRow): HTMLElement {
  const { name, host, kernels, lastSeenSeconds, imagesPerSecond, blocks } = worker;
  const seen = lastSeenSeconds < 1 ? 'now' : `${Math.round(lastSeenSeconds)} s ago`;
  const cell = (i: number, text: string, extra = ''): HTMLElement =>
    make('td', { role: 'cell', 'data-label': heads[i], class: `${lookOf(i)} ${extra}` }, text);
  return make('tr', { role: 'row' }, [
    make('th', { scope: 'row', role: 'rowheader' }, name),
    cell(1, host === '' ? '–' : host),
    cell(2, kernels === '' ? '–' : kernels),
    cell(3, seen, lastSeenSeconds > lateSeconds ? 'late' : ''),
    cell(4, whole(imagesPerSecond)),
    cell(5, String(blocks)),
    make('td', { role: 'cell', class: lookOf(heads.length - 1) }, doingOf(worker)),
  ]);
}

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
