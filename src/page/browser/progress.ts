import type { Message, PhasesSection, ProgressSection, RunSection } from '../state.js';
import { byId, make, setText } from './dom.js';
import { duration, fixed, milliseconds, percent, significant, whole } from './format.js';

const stateWords: Record<ProgressSection['phase'], string> = {
  preparing: 'preparing images',
  gathering: 'waiting for workers',
  training: 'training',
  validating: 'validating',
  finished: 'finished',
  stopped: 'stopped',
  failed: 'failed',
};

export function showState(phase: string, words: string): void {
  const pill = byId('state');
  pill.dataset['phase'] = phase;
  setText(pill, words);
}

export function showRun({ name, version, facts }: RunSection): void {
  setText(byId('run'), name);
  const rows = [...facts, { name: 'Onko', value: version }];
  byId('facts').replaceChildren(
    ...rows.map((fact) => make('div', {}, [make('dt', {}, fact.name), make('dd', {}, fact.value)])),
  );
}

export function showProgress(p: ProgressSection): void {
  // A validation is over in a moment, and said at every epoch it would be noise.
  if (p.phase === 'validating') showState('validating', stateWords.training);
  else showState(p.phase, wordsOf(p));
  const share = p.steps > 0 ? p.step / p.steps : 0;
  const where = p.epoch > 0 ? `Epoch ${p.epoch} of ${p.epochs}` : wordsOf(p);
  setText(byId('epoch'), p.phase === 'finished' ? `All ${p.epochs} epochs are done` : where);
  setText(byId('eta'), etaOf(p));
  const bar = byId('bar');
  bar.setAttribute('aria-valuenow', (100 * share).toFixed(0));
  bar.setAttribute('aria-valuetext', `step ${whole(p.step)} of ${whole(p.steps)}`);
  byId('bar-fill').style.setProperty('width', `${100 * share}%`);
  const note = byId('note');
  note.hidden = p.note === null;
  setText(note, p.note ?? '');
  showFigures(p);
  document.title = p.steps > 0 ? `${Math.floor(100 * share)} % · Onko` : 'Onko';
}

const wordsOf = ({ phase, freeRanges }: ProgressSection): string =>
  phase === 'gathering' && freeRanges > 0 ? 'waiting for reducers' : stateWords[phase];

function etaOf(p: ProgressSection): string {
  const took = `${duration(p.seconds)} so far`;
  if (p.phase === 'finished' || p.phase === 'stopped' || p.phase === 'failed')
    return `took ${duration(p.seconds)}`;
  return p.etaSeconds === null ? '' : `${duration(p.etaSeconds)} left, ${took}`;
}

function showFigures(p: ProgressSection): void {
  const rows: [string, string, string][] = [
    ['Training loss', fixed(p.loss, 4), ''],
    ['Training accuracy', percent(p.accuracy), ''],
    ['Validation accuracy', percent(p.validationAccuracy), ''],
    ['Images per second', whole(p.imagesPerSecond), ''],
    ['Step', whole(p.step), p.steps > 0 ? ` of ${whole(p.steps)}` : ''],
    ['Learning rate', significant(p.learningRate), ''],
    ['Workers', String(p.workers), ` ${p.threads} ${p.threads === 1 ? 'thread' : 'threads'}`],
  ];
  const list = byId('figures');
  if (list.childElementCount !== rows.length) {
    list.replaceChildren(
      ...rows.map(([name]) =>
        make('div', {}, [make('dt', {}, name), make('dd', {}, [make('span'), make('small')])]),
      ),
    );
  }
  rows.forEach(([, value, unit], i) => {
    const [main, small] = list.children[i]?.querySelectorAll<HTMLElement>('dd > *') ?? [];
    if (main !== undefined) setText(main, value);
    if (small !== undefined) setText(small, unit);
  });
}

/** Computing has the colour that it has in the workers' bars; what only waits is grey there, too. */
const tones: Readonly<Record<string, string>> = {
  broadcast: 'tone-1',
  queue: 'tone-idle',
  compute: 'tone-0',
  sum: 'tone-3',
  update: 'tone-4',
};
const toneOf = (phase: string): string => tones[phase] ?? 'tone-2';

/** Where the time of a step goes. */
export function showPhases(section: PhasesSection | null): void {
  const box = byId('phases');
  if (section === null) {
    box.replaceChildren(make('p', { class: 'soft' }, 'No step was done yet.'));
    return;
  }
  const { phases, stepMs } = section;
  const total = phases.reduce((sum, { ms }) => sum + ms, 0) || 1;
  const bar = make(
    'div',
    { class: 'stack', 'aria-hidden': 'true' },
    phases.map(({ name, ms }) => {
      const part = make('span', { class: toneOf(name) });
      part.style.setProperty('width', `${(100 * ms) / total}%`);
      return part;
    }),
  );
  const list = make(
    'dl',
    { class: 'figures' },
    phases.map(({ name, what, ms }) =>
      make('div', {}, [
        make('dt', { class: 'legend' }, [make('span', {}, [make('i', { class: toneOf(name) }), name])]),
        make('dd', {}, milliseconds(ms)),
        make('dd', { class: 'what' }, what),
      ]),
    ),
  );
  const intro = make('p', { class: 'soft small gap' }, `${milliseconds(stepMs)} on average, lately:`);
  box.replaceChildren(intro, bar, list);
}

export function showMessages(messages: readonly Message[]): void {
  const items = messages.toReversed().map(({ atMs, level, text }) => {
    const at = new Date(atMs);
    return make('li', { class: level }, [
      make('time', { datetime: at.toISOString() }, at.toLocaleTimeString('en-GB')),
      make('span', {}, level === 'info' ? text : `${level === 'warn' ? 'Warning' : 'Error'}: ${text}`),
    ]);
  });
  byId('messages').replaceChildren(
    items.length === 0
      ? make('p', { class: 'soft' }, 'Nothing yet.')
      : make('ol', { class: 'messages' }, items),
  );
}
