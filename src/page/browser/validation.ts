import type { EpochRow, GallerySection, ValidationSection } from '../state.js';
import { byId, make } from './dom.js';
import { duration, fixed, percent, whole } from './format.js';

export function showConfusion(section: ValidationSection | null, classes: readonly string[]): void {
  const box = byId('confusion');
  if (section === null) {
    box.replaceChildren(make('p', { class: 'soft' }, 'It comes after the first epoch.'));
    return;
  }
  const { epoch, confusion } = section;
  const total = confusion.flat().reduce((sum, count) => sum + count, 0);
  const right = confusion.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
  const caption = `After epoch ${epoch}: ${whole(right)} of ${whole(total)} right (${percent(right / total)}). Rows: what it is; columns: what it was taken for.`;
  const head = make('tr', {}, [
    make('td', { class: 'corner' }),
    ...classes.map((name) => make('th', { scope: 'col' }, name)),
    make('th', { scope: 'col', class: 'sum' }, 'right'),
  ]);
  const rows = confusion.map((row, truth) => {
    const sum = row.reduce((all, count) => all + count, 0);
    return make('tr', {}, [
      make('th', { scope: 'row' }, classes[truth] ?? String(truth)),
      ...row.map((count, guess) => cellOf(count, sum, truth === guess)),
      make('td', { class: 'sum' }, sum === 0 ? '–' : percent((row[truth] ?? 0) / sum, 1)),
    ]);
  });
  box.replaceChildren(
    make('table', { class: 'heat' }, [
      make('caption', {}, caption),
      make('thead', {}, [head]),
      make('tbody', {}, rows),
    ]),
  );
}

/** Mistakes to the power 0.4, so that one in a hundred can be seen: as in confusion.png. */
function cellOf(count: number, sum: number, isRight: boolean): HTMLElement {
  const share = sum === 0 ? 0 : count / sum;
  if (count === 0) return make('td', {}, [make('span', { class: 'hidden' }, '0')]);
  const cell = make('td', { class: isRight ? 'right' : 'wrong' }, String(count));
  const strength = isRight ? share : share ** 0.4;
  cell.style.setProperty(
    '--strength',
    `calc(var(--heat-low) + ${strength.toFixed(3)} * (var(--heat-high) - var(--heat-low)))`,
  );
  return cell;
}

export function showGallery(section: GallerySection | null): void {
  const box = byId('gallery');
  if (section === null) {
    box.replaceChildren(make('p', { class: 'soft' }, 'They come after the first epoch.'));
    return;
  }
  const items = section.samples.map(({ picture, name, truth, guess, confidence }) => {
    const isRight = truth === guess;
    const sure = percent(confidence, 0);
    const answer = isRight
      ? [make('strong', {}, guess), ` ✓ ${sure}`]
      : [make('strong', {}, guess), ` ✗ ${sure}`, make('br'), `it is ${truth}`];
    return make('li', { class: isRight ? 'right' : 'wrong' }, [
      make('img', { src: picture, alt: `A handwritten ${truth}`, title: name }),
      make('p', {}, answer),
    ]);
  });
  box.replaceChildren(
    make(
      'p',
      { class: 'soft small' },
      `What the model takes them for after epoch ${section.epoch}, and how sure it is:`,
    ),
    make('ul', { class: 'digits' }, items),
  );
}

/** The curves in numbers. */
export function showEpochs(rows: readonly EpochRow[]): void {
  const box = byId('epochs');
  if (rows.length === 0) {
    box.replaceChildren(make('p', { class: 'soft' }, 'None is over yet.'));
    return;
  }
  const heads = ['Epoch', 'Training loss', 'accuracy', 'Validation loss', 'accuracy', 'Time'];
  const body = rows
    .toReversed()
    .map((row) =>
      make('tr', {}, [
        make('th', { scope: 'row' }, String(row.epoch)),
        ...[
          fixed(row.trainLoss, 4),
          percent(row.trainAccuracy),
          fixed(row.validationLoss, 4),
          percent(row.validationAccuracy),
          duration(row.seconds),
        ].map((text) => make('td', {}, text)),
      ]),
    );
  const table = make('table', { class: 'rows', 'aria-labelledby': 'h-epochs' }, [
    make('thead', {}, [
      make(
        'tr',
        {},
        heads.map((text) => make('th', { scope: 'col' }, text)),
      ),
    ]),
    make('tbody', {}, body),
  ]);
  // It scrolls sideways by itself on a narrow screen: reachable by the keyboard, too.
  const scroller = make(
    'div',
    { class: 'wide', tabindex: 0, role: 'region', 'aria-labelledby': 'h-epochs' },
    [table],
  );
  box.replaceChildren(scroller);
}
