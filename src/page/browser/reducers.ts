import type { RangeRow, ReducersSection } from '../state.js';
import { byId, make } from './dom.js';
import { percent, whole } from './format.js';
import { type Cell, type Column, known, memberTable, seen } from './members.js';

const columns: readonly Column[] = [
  { head: 'Range', look: 'left' },
  { head: 'Reducer', look: 'long' },
  { head: 'Host', look: 'left' },
  { head: 'Parameters', look: 'right' },
  { head: 'Last seen', look: 'right' },
  { head: 'Sum awaited', look: 'right' },
];

/** Nothing at all where the coordinator sums. */
export function showReducers(section: ReducersSection | null): void {
  byId('reducers-card').hidden = section === null;
  if (section === null) return;
  const { rows, free } = section;
  const text =
    rows.length === 1
      ? 'One reducer sums the gradient.'
      : `The gradient is summed in ${rows.length} ranges, by a reducer each.`;
  const words =
    free.length === 0
      ? make('p', { class: 'soft gap' }, text)
      : make('p', { class: 'note gap' }, waitFor(free, rows.length));
  byId('reducers').replaceChildren(words, memberTable('h-reducers', columns, rows.map(cellsOf)));
}

function waitFor(free: readonly number[], all: number): string {
  if (free.length === 1) return `Waiting for a reducer for range ${String(free[0])} of ${all}.`;
  return `Waiting for reducers for ranges ${free.slice(0, -1).join(', ')} and ${String(free.at(-1))} of ${all}.`;
}

const cellsOf = ({ range, parameters, share, awaited, ...row }: RangeRow): Cell[] => [
  { content: `Range ${range}` },
  reducerOf(row),
  known(row.host),
  { content: `${whole(parameters)} (${percent(share, share < 0.1 ? 1 : 0)})` },
  row.lastSeenSeconds === null ? known('') : seen(row.lastSeenSeconds),
  known(awaited.length === 0 ? '' : `step ${awaited.join(', ')}`),
];

function reducerOf({ reducer, state, before }: Pick<RangeRow, 'reducer' | 'state' | 'before'>): Cell {
  if (reducer !== null) return { content: state === 'offered' ? `${reducer}, preparing` : reducer };
  const last = before === null ? '' : `; ${before.reducer} until ${Math.round(before.lastSeenSeconds)} s ago`;
  return { content: `nobody${last}`, late: true };
}
