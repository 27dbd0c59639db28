import { describe, expect, it } from 'vitest';
import {
  createProgressLine,
  fitProgress,
  formatDuration,
  formatProgress,
  type ProgressReport,
} from '../../src/metrics/index.js';

const base: ProgressReport = {
  phase: 'epoch 1/2',
  done: 0,
  total: 100,
  loss: null,
  accuracy: null,
  imagesPerSecond: null,
  workers: null,
};

function screen(o: { isTTY: boolean; columns?: number; plainIntervalMs?: number }) {
  const written: string[] = [];
  const clock = { nowMs: 0 };
  const { plainIntervalMs, ...stream } = o;
  const line = createProgressLine({
    stream: { ...stream, write: (text) => written.push(text) },
    now: () => clock.nowMs,
    ...(plainIntervalMs === undefined ? {} : { plainIntervalMs }),
  });
  return { written, clock, line, text: () => written.join('') };
}

it('formats what is known and leaves out the rest', () => {
  expect(formatProgress({ ...base, done: 42 }, null)).toBe('epoch 1/2  42 %');
  expect(
    formatProgress(
      { ...base, done: 42, loss: 0.21344, accuracy: 0.93413, imagesPerSecond: 2345.4, workers: 2 },
      83,
    ),
  ).toBe('epoch 1/2  42 %  loss 0.2134  acc 93.41 %  2345 img/s  2 workers  ETA 1:23');
  expect(
    formatProgress({ ...base, phase: 'waiting', total: 0, workers: 1, note: 'for 2 workers' }, null),
  ).toBe('waiting  1 worker  (for 2 workers)');
});

it('formats durations', () => {
  expect([0, 59.6, 3599, 3600, 7384].map(formatDuration)).toEqual([
    '0:00',
    '1:00',
    '59:59',
    '1:00:00',
    '2:03:04',
  ]);
});

describe('on a terminal', () => {
  it('rewrites one line, at most ten times a second', () => {
    const { line, clock, written } = screen({ isTTY: true });
    for (let i = 0; i < 30; i++) {
      clock.nowMs = i * 10;
      line.update({ ...base, done: i });
    }
    // 0 ms, 100 ms and 200 ms; each but the first erases the line before it.
    expect(written).toEqual([
      'epoch 1/2  0 %',
      '\r\u001b[2K',
      'epoch 1/2  10 %',
      '\r\u001b[2K',
      'epoch 1/2  20 %',
    ]);
  });

  it('never wraps: the line is cut to the width', () => {
    const { line, written } = screen({ isTTY: true, columns: 30 });
    line.update({ ...base, phase: 'a phase with a very long name that goes on and on' });
    expect(written[0]?.length).toBe(29);
    const unknown = screen({ isTTY: true, columns: 0 });
    unknown.line.update({ ...base, phase: 'a phase with a very long name that goes on and on' });
    expect(unknown.written[0]).toContain('on and on');
  });

  it('lets log lines pass above it', () => {
    const { line, text } = screen({ isTTY: true });
    line.write('before\n');
    line.update(base);
    line.write('a log line\n');
    line.finish();
    expect(text()).toBe(
      'before\nepoch 1/2  0 %\r\u001b[2Ka log line\nepoch 1/2  0 %\r\u001b[2Kepoch 1/2  0 %\n',
    );
  });

  it('shows the last state when it ends, and ends once', () => {
    const { line, clock, written } = screen({ isTTY: true });
    line.update(base);
    clock.nowMs = 10;
    line.update({ ...base, done: 100 });
    line.finish();
    line.finish();
    expect(written.at(-2)).toContain('100 %');
    expect(written.filter((text) => text === '\n')).toHaveLength(1);
  });
});

describe('elsewhere', () => {
  it('writes whole lines: the first at once, others after the interval, and anew after an end', () => {
    const { line, clock, written } = screen({ isTTY: false, plainIntervalMs: 1000 });
    for (let i = 0; i <= 25; i++) {
      clock.nowMs = i * 100;
      line.update({ ...base, done: i, phase: `at ${i}` });
    }
    line.finish();
    line.update({ ...base, phase: 'next' });
    expect(written.map((text) => text.split('  ')[0])).toEqual(['at 0', 'at 10', 'at 20', 'next']);
    expect(written.every((text) => text.endsWith('\n') && !text.includes('\u001b'))).toBe(true);
  });
});

describe('time left', () => {
  it('follows the mean pace since the first report', () => {
    const { line, clock, text } = screen({ isTTY: false, plainIntervalMs: 1 });
    line.update({ ...base, done: 20 });
    clock.nowMs = 10_000;
    line.update({ ...base, done: 40 });
    // 20 in 10 s, so the other 60 in 30 s.
    expect(text()).toContain('40 %  ETA 0:30');
  });

  it('begins anew with another total', () => {
    const { line, clock, text } = screen({ isTTY: false, plainIntervalMs: 1 });
    line.update({ ...base, done: 90 });
    clock.nowMs = 10_000;
    line.update({ ...base, phase: 'next', done: 1, total: 1000 });
    expect(text()).not.toContain('ETA');
  });

  it('believes a report that knows better', () => {
    const { line, text } = screen({ isTTY: false });
    line.update({ ...base, secondsLeft: 61 });
    expect(text()).toContain('ETA 1:01');
  });
});

it('says the same in fewer words where there are fewer columns', () => {
  const report = {
    ...base,
    phase: 'epoch 12/100',
    done: 12,
    loss: 0.21344,
    accuracy: 0.93413,
    imagesPerSecond: 2345.4,
    workers: 2,
    note: 'step 7 waits for a block',
  };
  const full =
    'epoch 12/100  12 %  loss 0.2134  acc 93.41 %  2345 img/s  2 workers  ETA 1:23  (step 7 waits for a block)';
  expect(fitProgress(report, 83, 120)).toBe(full);
  expect(fitProgress(report, 83, 80)).toBe(full.slice(0, full.indexOf('  (')));
  expect(fitProgress(report, 83, 42)).toBe('12/100 12% 0.2134 93.4% 2345/s 2w 1:23');
  expect(fitProgress(report, 83, 20)).toBe('12/100 12% 0.2134 9…');
});

it('hands what would be a plain line to who writes it another way', () => {
  const taken: ProgressReport[] = [];
  const line = createProgressLine({
    stream: { write: () => expect.unreachable('nothing is written') },
    now: () => 0,
    plain: (report) => taken.push(report),
  });
  line.update({ ...base, done: 5, loss: 0.5 });
  expect(taken).toEqual([{ ...base, done: 5, loss: 0.5, secondsLeft: null }]);
});
