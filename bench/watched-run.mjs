// One run of `onko train`, watched or not, and what it took: per epoch, and once.
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../dist/cli/onko.js', import.meta.url));
const preload = new URL('report-processor-time.mjs', import.meta.url).href;

/**
 * Runs `onko` to its end. `onLine` hears every line, and may `ask()` what the process has taken so far.
 * Returns its output and the seconds of its whole life: by its processor time, and by the clock.
 */
export async function runOnko(args, workspace, name, onLine) {
  const report = join(workspace, `${name}.json`);
  const started = performance.now();
  const child = spawn(process.execPath, ['--import', preload, program, ...args], {
    env: { PATH: process.env.PATH, HOME: workspace, BENCH_PROCESSOR_TIME: report },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const ask = () =>
    new Promise((resolve) => {
      child.once('message', resolve);
      child.send('?');
    });
  let output = '';
  const listenTo = (stream) => {
    let rest = '';
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      for (const line of lines) onLine?.(line, ask);
    });
  };
  listenTo(child.stdout);
  listenTo(child.stderr);
  const code = await new Promise((done) => child.once('close', done));
  if (code !== 0) throw new Error(`onko ${args[0]} ended with ${code}:\n${output}`);
  const processorSeconds = JSON.parse(readFileSync(report, 'utf8')).seconds;
  return { output, processorSeconds, wallSeconds: (performance.now() - started) / 1000 };
}

/** What Prometheus and an open browser do; returns how to stop and what they got. */
function watch(url, scrapeSeconds) {
  const seen = { scrapes: 0, pageBytes: 0, streamed: 0 };
  const scrape = async () => {
    const page = await (await fetch(`${url}/metrics`)).text();
    seen.scrapes += 1;
    seen.pageBytes = page.length;
  };
  void scrape().catch(() => {});
  const timer = setInterval(() => void scrape().catch(() => {}), 1000 * scrapeSeconds);
  const stream = get(`${url}/events`, { agent: false }, (response) => {
    response.on('data', (chunk) => {
      seen.streamed += chunk.length;
    });
    response.on('error', () => {});
  });
  stream.on('error', () => {});
  return { seen, stop: () => (clearInterval(timer), stream.destroy()) };
}

/**
 * Between the ends of the first epoch and of the last but one everything is warm and nothing is begun or ended: what that takes, by
 * processor time and by the clock, is the rate. `once`: what is left of the process's whole life, without its epochs.
 */
export async function trainOnce({ args, epochs, isWatched, workspace, name, scrapeSeconds }) {
  const out = join(workspace, name);
  const trace = join(workspace, `${name}-trace.json`);
  const extra = isWatched ? ['--metrics-port', '0', '--trace', trace] : ['--metrics-port', 'none'];
  let watcher = null;
  const marks = {};
  const whole = await runOnko(
    ['train', ...args, '--epochs', String(epochs), '--out', out, ...extra],
    workspace,
    name,
    (line, ask) => {
      const url = /url=(http:\S+?)\/metrics/.exec(line)?.[1];
      if (url !== undefined) watcher = watch(url, scrapeSeconds);
      const epoch = Number(/Epoch (\d+) of \d+:/.exec(line)?.[1]);
      if (epoch === 1) marks.first = ask();
      if (epoch === epochs - 1) marks.last = ask();
    },
  );
  watcher?.stop();
  const [first, last] = [await marks.first, await marks.last];
  const of = (seconds) => {
    const perEpoch = (last[seconds] - first[seconds]) / (epochs - 2);
    return { perEpoch, once: whole[seconds] - epochs * perEpoch };
  };
  const watched = watcher === null ? null : { ...watcher.seen, traceBytes: statSync(trace).size };
  rmSync(out, { recursive: true });
  rmSync(trace, { force: true });
  return {
    processor: of('processorSeconds'),
    wall: of('wallSeconds'),
    sha256: /sha256\s+([0-9a-f]{64})/.exec(whole.output)?.[1],
    watched,
  };
}
