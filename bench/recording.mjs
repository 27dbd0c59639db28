// What it costs to take the times of a step, whether or not anybody looks: microseconds of processor time per step, with and without
// a timeline on disk. The steps are made up; counting and writing are the program's own.
//   npm run build && node bench/recording.mjs [--blocks 4] [--workers 2]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createCoordinatorMetrics } from '../dist/coordinator/metrics.js';
import { createRecorder } from '../dist/coordinator/recorder.js';
import { createRunTrace } from '../dist/coordinator/trace.js';
import { openTraceFile } from '../dist/coordinator/trace-file.js';
import { createRegistry } from '../dist/metrics/index.js';
import { median, processorSeconds, table } from './measure.mjs';

const { values } = parseArgs({
  options: { blocks: { type: 'string', default: '4' }, workers: { type: 'string', default: '2' } },
});
const [blocks, workers] = [Number(values.blocks), Number(values.workers)];
const workspace = mkdtempSync(join(tmpdir(), 'onko-recording-'));
const facts = {
  run: 'bench',
  fence: 1,
  version: '1',
  model: 'm',
  optimizer: 'o',
  transport: 't',
  data: 'd',
  kernels: 'k',
  numericsId: 'n',
  totalSteps: 1,
  epochs: 1,
};

/** About 1: a true clock says no round numbers, and those are quicker to write down. */
let turns = 0;
const uneven = () => 1 + 0.2 * Math.sin(++turns);

const refuse = () => {
  throw new Error('The timeline is not whole.');
};

/** Microseconds per step, several times. */
async function measure(isTraced, steps = 1_000, rounds = 15) {
  let nowMs = 0;
  const now = () => nowMs;
  const metrics = createCoordinatorMetrics(createRegistry(), facts, now);
  const path = join(workspace, 'trace.json');
  const file = isTraced ? await openTraceFile({ path, onFailed: refuse, onDropped: refuse }) : null;
  const recorder = createRecorder(metrics, file === null ? null : createRunTrace(file, 'bench', 0), now);
  const step = async (number) => {
    const front = { mode: 'train', step: number };
    recorder.opened(front);
    await recorder.broadcasting([front], async () => {
      nowMs += 0.2 * uneven();
    });
    const units = Array.from({ length: blocks }, (_, i) => ({
      ...front,
      pass: 0,
      node: i + 1,
    }));
    const takenAtMs = nowMs;
    for (const unit of units) recorder.published(unit);
    for (const [i, unit] of units.entries()) {
      nowMs += 3 * uneven();
      const worker = `w${i % workers}`;
      const waitMs = 0.1 * uneven();
      const computeMs = 2.5 * uneven();
      const times = { takenAtMs, fetchMs: 0, waitMs, computeMs, sentAtMs: nowMs - 0.1 };
      const result = { worker, samples: 32, thread: 0, ...times };
      recorder.accepted(unit, { result, arrivedMs: nowMs });
      const startMs = nowMs;
      nowMs += 0.1 * uneven();
      recorder.timeline.add(front, 'sum', { startMs, endMs: nowMs });
    }
    recorder.closed(front);
  };
  const taken = [];
  for (let round = 0; round < rounds; round++) {
    const start = processorSeconds();
    for (let i = 0; i < steps; i++) {
      await step(round * steps + i);
      // As in a run, where much else happens between two steps: the file is written to meanwhile.
      await nextTurn();
    }
    // What waits is written at once or after a second, which is part of it.
    if (isTraced) await new Promise((resolve) => setTimeout(resolve, 1_100));
    taken.push(((processorSeconds() - start) / steps) * 1e6);
  }
  await file?.close();
  return median(taken);
}

/** Milliseconds of processor time for one page of metrics, as text. */
async function scrape() {
  const registry = createRegistry();
  const metrics = createCoordinatorMetrics(registry, facts, () => performance.now());
  for (let i = 0; i < workers; i++) metrics.perWorker.accepted(`w${i}`, 32, 5);
  const taken = [];
  for (let i = 0; i < 200; i++) {
    const start = processorSeconds();
    await registry.metrics();
    taken.push((processorSeconds() - start) * 1e3);
  }
  return median(taken);
}

const rows = [['a step of', 'µs without a timeline', 'with one']];
rows.push([`${blocks} blocks`, (await measure(false)).toFixed(1), (await measure(true)).toFixed(1)]);
process.stdout.write(`${table(rows)}\n\nOne page of metrics: ${(await scrape()).toFixed(2)} ms.\n`);
rmSync(workspace, { recursive: true, force: true });
