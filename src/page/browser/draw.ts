import { createAnswerView } from './answer.js';
import { type Answer, createAsker } from './ask.js';
import { byId, elementOf, make, setText } from './dom.js';
import { whole } from './format.js';
import { createPad } from './pad.js';

/** What `/model` answers. */
interface Model {
  name: string;
  classes: string[];
  parameters: number;
  input: [channels: number, height: number, width: number];
  temperature: { value: number; fittedOn: string; samples: number } | null;
  views: number;
  kernels: string;
  uploadBytes: number;
  version: string;
}

const trouble = byId('trouble');
function showTrouble(text: string | null): void {
  setText(trouble, text ?? '');
  trouble.hidden = text === null;
}

function showFacts({ name, parameters, input, temperature, views, kernels, version }: Model): void {
  const confidence =
    temperature === null
      ? 'as the model gives it'
      : `at temperature ${temperature.value}, fitted on ${whole(temperature.samples)} ${temperature.fittedOn === 'validation' ? 'validation samples' : `images of ${temperature.fittedOn}`}`;
  const rows = [
    ['Model', `${name}, ${whole(parameters)} parameters`],
    ['Input', `${input.join(' × ')}, cut out and cleaned${views > 1 ? `, in ${views} views` : ''}`],
    ['Confidence', confidence],
    ['Computed by', `Onko ${version}, ${kernels}`],
  ];
  byId('facts').replaceChildren(
    ...rows.map(([term, value]) => make('div', {}, [make('dt', {}, term), make('dd', {}, value)])),
  );
}

function begin(model: Model): void {
  showFacts(model);
  const view = createAnswerView(model.classes);
  let last: Answer | null = null;
  let isWhole = true;
  const canvas = elementOf('pad', HTMLCanvasElement);
  const undo = elementOf('undo', HTMLButtonElement);
  const clear = elementOf('clear', HTMLButtonElement);
  const pad = createPad(canvas, (isAtRest) => {
    isWhole = isAtRest;
    byId('hint').hidden = !pad.isEmpty;
    undo.disabled = !pad.canUndo;
    clear.disabled = pad.isEmpty;
    asker.changed();
  });
  const asker = createAsker({
    url: () => `classify?picture=1&top=${model.classes.length}`,
    picture: () => pad.picture(),
    isEmpty: () => pad.isEmpty,
    onAnswer(answer) {
      last = answer;
      view.show(answer);
      if (isWhole) view.speak(answer);
    },
    onTrouble: showTrouble,
  });
  undo.disabled = true;
  clear.disabled = true;

  clear.addEventListener('click', () => pad.clear());
  undo.addEventListener('click', () => pad.undo());
  document.addEventListener('keydown', (event) => {
    const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'z';
    if (isUndo && pad.canUndo) pad.undo();
    else if (event.key === 'Escape' || event.key === 'Delete') pad.clear();
    else return;
    event.preventDefault();
  });

  const take = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    if (file.size > model.uploadBytes) {
      pad.clear();
      showTrouble(`The image is too large: at most ${whole(model.uploadBytes / 1024)} KiB are taken.`);
      return;
    }
    // What this browser cannot show, the server may be able to read.
    pad.place(file, await createImageBitmap(file).catch(() => null));
  };
  const chooser = elementOf('file', HTMLInputElement);
  chooser.addEventListener('change', () => {
    void take(chooser.files?.[0]);
    // So that the same file can be chosen again.
    chooser.value = '';
  });
  const sheet = canvas.parentElement ?? canvas;
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    sheet.classList.add('over');
  });
  document.addEventListener('dragleave', () => sheet.classList.remove('over'));
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    sheet.classList.remove('over');
    void take(event.dataTransfer?.files[0]);
  });
  view.show(last);
}

async function start(): Promise<void> {
  try {
    const model: Model = await (await fetch('model')).json();
    begin(model);
  } catch {
    showTrouble('The server does not answer: start it again, and load this page anew.');
  }
}

void start();
