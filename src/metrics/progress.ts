import type { LineWriter } from './logger.js';

/** What a run shows of itself. Unknown figures are null and are left out. */
export interface ProgressReport {
  /** What is going on: `epoch 3/10`, `decoding`, `validating`. */
  phase: string;
  /** Of the whole run (or of the phase, where nothing more is known), for the bar and the time left. */
  done: number;
  total: number;
  /** Nats per sample. */
  loss: number | null;
  /** 0…1 */
  accuracy: number | null;
  imagesPerSecond: number | null;
  workers: number | null;
  /** Time left, where somebody knows better than the mean pace; absent: estimated here. */
  secondsLeft?: number | null;
  /** What is waited for, at the end of the line. */
  note?: string | null;
}

export interface ProgressStream extends LineWriter {
  isTTY?: boolean;
  columns?: number;
}

export interface ProgressLine {
  update(report: ProgressReport): void;
  /** Writes whole lines above the moving line: give this to the log as its destination. */
  write(lines: string): void;
  /** Leaves the last state standing and ends the moving line. */
  finish(): void;
}

/**
 * On a terminal one line that moves, at most ten times a second; elsewhere a plain line at once, and then at most every
 * `plainIntervalMs`. Time comes from `now`, in milliseconds.
 */
export function createProgressLine(o: {
  stream: ProgressStream;
  now: () => number;
  plainIntervalMs?: number;
  /** Takes what would be a plain line, for those who write it another way. */
  plain?: (report: ProgressReport) => void;
}): ProgressLine {
  const moving = o.stream.isTTY === true;
  const intervalMs = moving ? 100 : (o.plainIntervalMs ?? 10_000);
  let eta = newEta(o.now());
  let shown = '';
  let latest: ProgressReport | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;

  const leftOf = (report: ProgressReport): number | null =>
    report.secondsLeft === undefined ? eta.secondsLeft(report, o.now()) : report.secondsLeft;
  const erase = (): void => {
    if (shown !== '') o.stream.write('\r\u001b[2K');
  };
  const draw = (report: ProgressReport): void => {
    const secondsLeft = leftOf(report);
    if (!moving) {
      if (o.plain === undefined) o.stream.write(`${formatProgress(report, secondsLeft)}\n`);
      else o.plain({ ...report, secondsLeft });
      return;
    }
    erase();
    // Some terminals say that they have no columns at all.
    shown = fitProgress(report, secondsLeft, Math.max(20, (o.stream.columns || 100) - 1));
    o.stream.write(shown);
  };

  return {
    update(report) {
      const nowMs = o.now();
      if (latest !== null && (report.total !== latest.total || report.done < latest.done))
        eta = newEta(nowMs);
      eta.observe(report.done, nowMs);
      latest = report;
      if (nowMs - lastMs < intervalMs) return;
      lastMs = nowMs;
      draw(report);
    },
    write(lines) {
      erase();
      o.stream.write(lines);
      if (shown !== '') o.stream.write(shown);
    },
    finish() {
      if (moving && latest !== null) draw(latest);
      if (shown !== '') o.stream.write('\n');
      shown = '';
      latest = null;
      lastMs = Number.NEGATIVE_INFINITY;
    },
  };
}

/** `epoch 3/10  42 %  loss 0.2134  acc 93.41 %  2345 img/s  2 workers  ETA 1:23` */
export function formatProgress(report: ProgressReport, secondsLeft: number | null): string {
  const words = [report.phase];
  if (report.total > 0) words.push(`${Math.floor((100 * report.done) / report.total)} %`);
  if (report.loss !== null) words.push(`loss ${report.loss.toFixed(4)}`);
  if (report.accuracy !== null) words.push(`acc ${(100 * report.accuracy).toFixed(2)} %`);
  if (report.imagesPerSecond !== null) words.push(`${Math.round(report.imagesPerSecond)} img/s`);
  if (report.workers !== null) words.push(`${report.workers} ${report.workers === 1 ? 'worker' : 'workers'}`);
  if (secondsLeft !== null) words.push(`ETA ${formatDuration(secondsLeft)}`);
  if (typeof report.note === 'string') words.push(`(${report.note})`);
  return words.join('  ');
}

/**
 * The same in at most so many characters: without the note first, then with short words, as in
 * `3/10 42% 0.2134 93.4% 2345/s 2w 1:23`, and cut off only at last.
 */
export function fitProgress(report: ProgressReport, secondsLeft: number | null, columns: number): string {
  const forms = [
    formatProgress(report, secondsLeft),
    formatProgress({ ...report, note: null }, secondsLeft),
    shortProgress(report, secondsLeft),
  ];
  const fitting = forms.find((form) => form.length <= columns);
  return fitting ?? `${(forms.at(-1) ?? '').slice(0, columns - 1)}…`;
}

function shortProgress(report: ProgressReport, secondsLeft: number | null): string {
  const words = [report.phase.replace(/^epoch /, '')];
  if (report.total > 0) words.push(`${Math.floor((100 * report.done) / report.total)}%`);
  if (report.loss !== null) words.push(report.loss.toFixed(4));
  if (report.accuracy !== null) words.push(`${(100 * report.accuracy).toFixed(1)}%`);
  if (report.imagesPerSecond !== null) words.push(`${Math.round(report.imagesPerSecond)}/s`);
  if (report.workers !== null) words.push(`${report.workers}w`);
  if (secondsLeft !== null) words.push(formatDuration(secondsLeft));
  return words.join(' ');
}

/** Seconds → `1:23` or `2:03:04`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}

/** The time left at the mean pace since the first report: a resumed run does not count what an earlier one has done. */
function newEta(startMs: number): {
  observe(done: number, nowMs: number): void;
  secondsLeft(report: ProgressReport, nowMs: number): number | null;
} {
  let first: { done: number; atMs: number } | null = null;
  return {
    observe(done, nowMs) {
      first ??= { done, atMs: Math.min(nowMs, startMs) };
    },
    secondsLeft(report, nowMs) {
      if (first === null || report.total <= 0) return null;
      const gained = report.done - first.done;
      const elapsedMs = nowMs - first.atMs;
      if (gained <= 0 || elapsedMs < 1000) return null;
      return ((report.total - report.done) * elapsedMs) / gained / 1000;
    },
  };
}
