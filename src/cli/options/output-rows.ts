import * as kind from './kinds.js';
import { grouped } from './table.js';

const output = grouped('Output');

/** What a run writes: its folder, its checkpoints, its timeline. */
export const outputRows = {
  out: output.optional(
    kind.path('RUN_DIR'),
    'runs/MODEL-TIME',
    'run folder: model, checkpoints, history.csv, curves.png',
  ),
  trace: output.optional(
    kind.path('FILE'),
    'not written',
    'write a timeline of every step and worker to FILE, for ui.perfetto.dev or chrome://tracing',
  ),
  resume: output.value(
    kind.toggle,
    false,
    'go on with the run in --out from its last checkpoint; options not given are taken from it',
  ),
  checkpointEvery: output.value(
    kind.integer({ min: 1 }, 'SECONDS'),
    60,
    'time between checkpoints, in seconds',
  ),
  keepCheckpoints: output.value(kind.integer({ min: 1, max: 1000 }), 3, 'checkpoints to keep'),
} as const;
