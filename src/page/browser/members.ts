import { make } from './dom.js';

/** More than this since its last sign of life is worth a look. */
const lateSeconds = 5;

/** A column: words stand to the left, numbers to the right; `grow`: takes what room there is; `long`: has a line of its own on a phone. */
export interface Column {
  head: string;
  look: 'left' | 'right' | 'grow' | 'long';
}

/** A cell; `late`: it is why one looks. */
export interface Cell {
  content: string | readonly (Node | string)[];
  late?: boolean;
}

/**
 * A row for each who takes part. The first column names it; on a phone each row becomes a block of its own, the cells under their heads.
 * @param labelledBy id of the heading
 */
export function memberTable(
  labelledBy: string,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
): HTMLElement {
  // Roles are said although they are those of a table: on a phone its parts are laid out as blocks, and would lose them.
  const head = make('thead', { role: 'rowgroup' }, [
    make(
      'tr',
      { role: 'row' },
      columns.map(({ head: text, look }) =>
        make('th', { scope: 'col', role: 'columnheader', class: classOf(look) }, text),
      ),
    ),
  ]);
  const body = make(
    'tbody',
    { role: 'rowgroup' },
    rows.map((cells) =>
      make(
        'tr',
        { role: 'row' },
        cells.map(({ content, late }, i) => {
          if (i === 0) return make('th', { scope: 'row', role: 'rowheader' }, content);
          const { head: label, look } = columns[i] ?? { head: '', look: 'right' };
          const name = `${classOf(look)}${late === true ? ' late' : ''}`;
          return make('td', { role: 'cell', 'data-label': label, class: name }, content);
        }),
      ),
    ),
  );
  return make('table', { class: 'rows members', role: 'table', 'aria-labelledby': labelledBy }, [head, body]);
}

const classOf = (look: Column['look']): string =>
  look === 'right' ? '' : look === 'left' ? 'left' : `left ${look}`;

/** When it was last heard. */
export const seen = (seconds: number): Cell => ({
  content: seconds < 1 ? 'now' : `${Math.round(seconds)} s ago`,
  late: seconds > lateSeconds,
});

/** Of what may not be known. */
export const known = (text: string): Cell => ({ content: text === '' ? '–' : text });
