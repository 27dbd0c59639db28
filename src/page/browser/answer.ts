import type { Answer } from './ask.js';
import { byId, elementOf, make, setText } from './dom.js';
import { percent } from './format.js';

const bengaliDigits = '০১২৩৪৫৬৭৮৯';
/** Below it the guess is shown as one to be doubted. */
const doubtful = 0.7;

/** `৫` for `5`; a class that is no digit stays what it is called. */
const bengaliOf = (digit: string): string => (/^\d$/.test(digit) ? bengaliDigits[Number(digit)] : digit);

/** The place of the answer: a bar per class, in the order of the model. */
export function createAnswerView(classes: readonly string[]): {
  show(answer: Answer | null): void;
  /** Says it to whoever listens; not at every movement. */
  speak(answer: Answer | null): void;
} {
  const rows = classes.map((name) => {
    const bengali = bengaliOf(name);
    const fill = make('i');
    const value = make('span', { class: 'value' }, '–');
    const names = [make('span', {}, name)];
    if (bengali !== name) names.push(make('span', { class: 'bengali', lang: 'bn' }, bengali));
    const row = make('li', {}, [
      make('span', { class: 'name' }, names),
      make('span', { class: 'track', 'aria-hidden': 'true' }, [fill]),
      value,
    ]);
    return { name, row, fill, value };
  });
  byId('bars').replaceChildren(...rows.map(({ row }) => row));
  const seen = elementOf('seen', HTMLImageElement);
  return {
    show(answer) {
      const state = answer === null ? 'empty' : answer.confidence < doubtful ? 'unsure' : 'sure';
      byId('answer').dataset['state'] = state;
      setText(byId('bengali'), answer === null ? '–' : bengaliOf(answer.digit));
      setText(byId('latin'), answer === null || bengaliOf(answer.digit) === answer.digit ? '' : answer.digit);
      setText(byId('sure'), answer === null ? '' : `${percent(answer.confidence, 1)} sure`);
      seen.hidden = answer === null;
      byId('seen-caption').hidden = answer === null;
      if (answer !== null) seen.src = answer.picture;
      const shares = new Map(answer?.top.map(({ digit, confidence }) => [digit, confidence]));
      for (const { name, row, fill, value } of rows) {
        const share = shares.get(name);
        row.classList.toggle('best', name === answer?.digit);
        fill.style.setProperty('--share', String(share ?? 0));
        setText(value, share === undefined ? '–' : percent(share, 1));
      }
    },
    speak(answer) {
      const text =
        answer === null ? '' : `It is taken for ${answer.digit}, ${percent(answer.confidence, 0)} sure.`;
      setText(byId('spoken'), text);
    },
  };
}
