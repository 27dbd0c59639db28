import type { PageState } from '../state.js';
import { createChart } from './chart.js';
import { connect, type LinkState } from './connection.js';
import { byId, setText } from './dom.js';
import { percent, significant, whole } from './format.js';
import { showMessages, showPhases, showProgress, showRun, showState } from './progress.js';
import { showReducers } from './reducers.js';
import { showConfusion, showEpochs, showGallery } from './validation.js';
import { showWorkers } from './workers.js';

const charts = {
  loss: createChart(byId('loss'), {
    title: 'Loss',
    across: 'steps',
    logarithmic: true,
    format: significant,
  }),
  accuracy: createChart(byId('accuracy'), {
    title: 'Accuracy',
    across: 'steps',
    high: 1,
    format: (v) => percent(v, v > 0.99 && v < 1 ? 1 : 0),
  }),
  throughput: createChart(byId('throughput'), {
    title: 'Images per second',
    across: 'seconds',
    low: 0,
    format: whole,
  }),
};

/** Sections as they were drawn last: what has not changed is left alone, selection and focus with it. */
let drawn: Partial<PageState> = {};

function draw(state: Partial<PageState>): void {
  const changed = (section: keyof PageState): boolean => state[section] !== drawn[section];
  const { run, progress, lines, phases, workers, reducers, epochs, validation, gallery, messages } = state;
  if (run !== undefined && changed('run')) showRun(run);
  if (progress !== undefined && changed('progress')) showProgress(progress);
  if (lines !== undefined && changed('lines')) {
    charts.loss.show([
      { name: 'training', points: lines.loss, look: 'one' },
      { name: 'validation', points: lines.validationLoss, look: 'two' },
    ]);
    charts.accuracy.show([
      { name: 'training', points: lines.accuracy, look: 'one' },
      { name: 'validation', points: lines.validationAccuracy, look: 'two' },
    ]);
    charts.throughput.show([{ name: 'training', points: lines.throughput, look: 'one' }]);
  }
  if (phases !== undefined && changed('phases')) showPhases(phases);
  if (workers !== undefined && changed('workers')) showWorkers(workers);
  if (reducers !== undefined && changed('reducers')) showReducers(reducers);
  if (epochs !== undefined && changed('epochs')) showEpochs(epochs);
  if (validation !== undefined && changed('validation')) showConfusion(validation, run?.classes ?? []);
  if (gallery !== undefined && changed('gallery')) showGallery(gallery);
  if (messages !== undefined && changed('messages')) showMessages(messages);
  drawn = state;
}

function showLink(link: LinkState): void {
  const banner = byId('lost');
  switch (link.type) {
    case 'up':
      banner.hidden = true;
      setText(banner, '');
      if (link.again) drawn = {};
      return;
    case 'lost':
      setText(banner, 'The connection is lost: this is what was known last. Trying again by itself.');
      banner.hidden = false;
      showState('lost', 'connection lost');
      return;
    case 'over':
      setText(
        banner,
        'The coordinator has ended: this is its last state. A run that is started here again shows up by itself.',
      );
      banner.hidden = false;
      return;
  }
}

connect({ onState: draw, onLink: showLink });
