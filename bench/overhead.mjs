// What it costs to watch a training: the same run of `onko train`, with and without everything that watches (metrics page scraped
// as often as Prometheus does by default, live page followed, timeline written), in pairs. Prints for each pair, by processor time
// and by the clock, how many times as long an epoch takes, and what comes on top once per run; then the medians, and a verdict.
//   npm run bench:overhead -- [DATA --train training-a,training-b] [--pairs 9] [--epochs 40] [--workers 2] [--model lenet] [--at-once]
// Without DATA it draws the demo set first. The two of a pair run one after the other, each of them first in half of the pairs; with
// --at-once side by side, for a machine on which other work comes and goes: it hits both.
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { median, medianRange, table } from './measure.mjs';
import { runOnko, trainOnce } from './watched-run.mjs';

const asked = 1.02;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    train: { type: 'string', default: 'training-a,training-b' },
    pairs: { type: 'string', default: '9' },
    epochs: { type: 'string', default: '40' },
    workers: { type: 'string', default: '2' },
    model: { type: 'string', default: 'lenet' },
    /** Seconds between two scrapes. */
    scrape: { type: 'string', default: '15' },
    'at-once': { type: 'boolean', default: false },
    /** Watch neither of the two: how far apart they are then is what this machine can tell. */
    neither: { type: 'boolean', default: false },
  },
});
const pairs = Number(values.pairs);
const epochs = Number(values.epochs);
if (!(epochs >= 3))
  throw new RangeError('Expected at least three --epochs: the first and the last are not measured.');
const workspace = mkdtempSync(join(tmpdir(), 'onko-overhead-'));
process.once('exit', () => rmSync(workspace, { recursive: true, force: true }));

let data = positionals[0] === undefined ? null : resolve(positionals[0]);
if (data === null) {
  data = join(workspace, 'demo');
  await runOnko(['dataset', 'demo', data], workspace, 'demo');
}
const args = ['--data', data, '--train', values.train, '--validate', '0.1', '--model', values.model];
args.push('--workers', values.workers);

let count = 0;
const run = (isWatched, length = epochs) => {
  count += 1;
  const scrapeSeconds = Number(values.scrape);
  return trainOnce({ args, epochs: length, isWatched, workspace, name: `run-${count}`, scrapeSeconds });
};

await run(false, 3); // Packs the images.
const rows = [];
const loads = [];
for (let pair = 0; pair < pairs; pair++) {
  const order = pair % 2 === 0 ? [!values.neither, false] : [false, !values.neither];
  const two = values['at-once']
    ? await Promise.all(order.map((isWatched) => run(isWatched)))
    : [await run(order[0]), await run(order[1])];
  const [on, off] = pair % 2 === 0 ? two : two.toReversed();
  if (on.sha256 !== off.sha256) throw new Error('Watching changed the model: this must not be.');
  rows.push({ on, off });
  loads.push(loadavg()[0]);
  const ratio = on.processor.perEpoch / off.processor.perEpoch;
  process.stderr.write(`pair ${pair + 1} of ${pairs}: ${ratio.toFixed(3)}\n`);
}

const measures = [
  ['processor time', 'processor'],
  ['the clock', 'wall'],
];
const cells = (on, off) => [
  on.perEpoch.toFixed(3),
  off.perEpoch.toFixed(3),
  (on.perEpoch / off.perEpoch).toFixed(3),
  (on.once - off.once).toFixed(2),
];
const names = measures.flatMap(([name]) => [`${name}: watched`, 'not', 'ratio', 'once']);
process.stdout.write(
  `Seconds per epoch, from the end of the first to that of the last but one; "once": seconds on top per run.\n\n${table(
    [
      ['pair', ...names],
      ...rows.map(({ on, off }, i) => [i + 1, ...measures.flatMap(([, key]) => cells(on[key], off[key]))]),
    ],
  )}\n\n`,
);
const watched = rows.at(-1).on.watched;
if (watched !== null)
  process.stdout.write(
    `The last watched run: ${watched.scrapes} scrapes, the last of ${watched.pageBytes} bytes; ${watched.streamed} bytes of the live page; ` +
      `a timeline of ${watched.traceBytes} bytes.\n`,
  );
process.stdout.write(
  `Load of the machine: ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}.\n\n`,
);
for (const [name, key] of measures) {
  const ratios = rows.map(({ on, off }) => on[key].perEpoch / off[key].perEpoch);
  const { low, high } = medianRange(ratios);
  const more = median(rows.map(({ on, off }) => on[key].once - off[key].once));
  const verdict =
    median(ratios) > asked
      ? low > asked
        ? 'MORE'
        : 'more, as far as it can be told'
      : high <= asked
        ? 'HOLDS'
        : 'holds, as far as it can be told';
  process.stdout.write(
    `By ${name}: ${median(ratios).toFixed(3)} times per epoch (median; ${low.toFixed(3)} to ${high.toFixed(3)}), and ` +
      `${more.toFixed(2)} s once. At most ${asked} is asked for: ${verdict}.\n`,
  );
}
