// What it costs to watch a training: the same run of `onko train`, with and without everything that watches (metrics page scraped
// as often as Prometheus does by default, live page followed, timeline written), in turns. Prints the ratio of each pair and their median.
//   npm run bench:overhead -- [DATA --train training-a,training-b] [--pairs 9] [--epochs 40] [--workers 2] [--model lenet]
// Without DATA it draws the demo set first.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median, table } from './measure.mjs';

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
    /** Where the live page streams from; not followed where there is none. */
    stream: { type: 'string', default: '/events' },
  },
});
const pairs = Number(values.pairs);
const program = fileURLToPath(new URL('../dist/cli/onko.js', import.meta.url));
const preload = new URL('report-processor-time.mjs', import.meta.url).href;
const workspace = mkdtempSync(join(tmpdir(), 'onko-overhead-'));
process.once('exit', () => rmSync(workspace, { recursive: true, force: true }));

/** Runs a program to its end; `onUrl` is told where its pages are, as soon as it says so. */
async function run(args, onUrl) {
  const report = join(workspace, 'processor-time.json');
  const child = spawn(process.execPath, ['--import', preload, program, ...args], {
    env: { PATH: process.env.PATH, HOME: workspace, BENCH_PROCESSOR_TIME: report },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let url = null;
  const hear = (chunk) => {
    output += chunk;
    url ??= /url=(http:\S+?)\/metrics/.exec(output)?.[1] ?? null;
    if (url !== null) onUrl?.(url);
    if (url !== null) onUrl = undefined;
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  const code = await new Promise((done) => child.once('close', done));
  if (code !== 0) throw new Error(`onko ${args[0]} ended with ${code}:\n${output}`);
  return { output, processorSeconds: JSON.parse(readFileSync(report, 'utf8')).seconds };
}

/** What Prometheus and an open browser do; returns how to stop and what they got. */
function watch(url) {
  const seen = { scrapes: 0, pageBytes: 0, streamed: null };
  const scrape = async () => {
    const page = await (await fetch(`${url}/metrics`)).text();
    seen.scrapes += 1;
    seen.pageBytes = page.length;
  };
  void scrape().catch(() => {});
  const timer = setInterval(() => void scrape().catch(() => {}), 1000 * Number(values.scrape));
  const stream = get(url + values.stream, { agent: false }, (response) => {
    if (response.statusCode === 200) seen.streamed = 0;
    response.on('data', (chunk) => {
      if (seen.streamed !== null) seen.streamed += chunk.length;
    });
    response.on('error', () => {});
  });
  stream.on('error', () => {});
  return { seen, stop: () => (clearInterval(timer), stream.destroy()) };
}

let data = positionals[0] === undefined ? null : resolve(positionals[0]);
if (data === null) {
  data = join(workspace, 'demo');
  await run(['dataset', 'demo', data]);
}
const common = [
  'train',
  '--data',
  data,
  '--train',
  values.train,
  '--validate',
  '0.1',
  '--model',
  values.model,
];
const size = ['--workers', values.workers];
let count = 0;
let watched = null;

async function once(isWatched, epochs = values.epochs) {
  count += 1;
  const out = join(workspace, `run-${count}`);
  const trace = join(workspace, 'trace.json');
  const extra = isWatched ? ['--metrics-port', '0', '--trace', trace] : ['--metrics-port', 'none'];
  let watcher = null;
  const args = [...common, ...size, '--epochs', epochs, '--out', out, ...extra];
  const { output, processorSeconds } = await run(args, (url) => {
    watcher = watch(url);
  });
  watcher?.stop();
  if (watcher !== null) watched = { ...watcher.seen, traceBytes: statSync(trace).size };
  const { finished } = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'));
  const sha256 = /sha256\s+([0-9a-f]{64})/.exec(output)?.[1];
  rmSync(out, { recursive: true });
  return { processorSeconds, wallSeconds: finished.seconds, sha256 };
}

await once(false, '1'); // Packs the images.
const rows = [];
for (let pair = 0; pair < pairs; pair++) {
  // Each comes first in half of the pairs: a machine that warms up or gets busy is fair to both.
  const isWatchedFirst = pair % 2 === 0;
  const first = await once(isWatchedFirst);
  const second = await once(!isWatchedFirst);
  const [on, off] = isWatchedFirst ? [first, second] : [second, first];
  if (on.sha256 !== off.sha256) throw new Error('Watching changed the model: this must not be.');
  rows.push({
    on,
    off,
    processor: on.processorSeconds / off.processorSeconds,
    wall: on.wallSeconds / off.wallSeconds,
  });
  process.stderr.write(`pair ${pair + 1} of ${pairs}: ${rows.at(-1).processor.toFixed(3)}\n`);
}

const shown = (seconds) => seconds.toFixed(2);
process.stdout.write(
  `${table([
    ['pair', 'watched, processor s', 'not', 'ratio', 'watched, wall s', 'not', 'ratio'],
    ...rows.map(({ on, off, processor, wall }, i) => [
      i + 1,
      shown(on.processorSeconds),
      shown(off.processorSeconds),
      processor.toFixed(3),
      shown(on.wallSeconds),
      shown(off.wallSeconds),
      wall.toFixed(3),
    ]),
  ])}\n\n`,
);
const streamed =
  watched.streamed === null ? 'no live page in this build' : `${watched.streamed} bytes of the live page`;
process.stdout.write(
  `The last watched run: ${watched.scrapes} scrapes of ${watched.pageBytes} bytes, a trace of ${watched.traceBytes} bytes, ${streamed}.\n` +
    `Median ratio: ${median(rows.map(({ processor }) => processor)).toFixed(3)} by processor time, ` +
    `${median(rows.map(({ wall }) => wall)).toFixed(3)} by the clock of the training. At most 1.02 is asked for.\n`,
);
