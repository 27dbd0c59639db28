import type { Result } from '../protocol/index.js';
import type { BlockTimes } from './block-times.js';
import type { UnitKey } from './decide/actions.js';
import type { Span, TimedStep } from './step-timeline.js';
import type { TraceFile } from './trace-file.js';

/** What a trace shows of a run. */
export interface RunTrace {
  /** A step or validation, and under it its phases. */
  step(timed: TimedStep): void;
  /** An accepted block, on the track of the thread that computed it, or on that of the threads that shared it. */
  block(worker: string, by: BlockThreads, unit: UnitKey, times: BlockTimes): void;
  checkpoint(span: Span, sizeBytes: number): void;
  /** A moment of a worker's life. */
  moment(worker: string, what: string, atMs: number): void;
  /** Forgets the worker; should it come back, it gets a process of its own in the trace. */
  left(worker: string): void;
  close(): Promise<void>;
}

/** What a result says of those that computed its block. */
export type BlockThreads = Pick<Result, 'thread' | 'threads'>;

const coordinatorPid = 1;
const stepsTrack = 1;
const checkpointsTrack = 2;
/** Where the next one is of the tracks of steps that a delay has in flight beside another. */
const furtherStepsTrack = 3;
/** Threads of one worker that have a track, whatever it says; and threads that share a block, as a power of two. */
const mostThreads = 1024;
const mostDoublings = 10;

interface Thread {
  /** Where the last event of it ended, on whichever track. */
  endMs: number;
  /** Its result on the way: drawn when the next block says how long there is room for it. */
  publishing: { track: number; span: Span; args: string } | null;
}

interface TracedWorker {
  pid: number;
  /** By number, from 0: those that computed a block, alone or as the first. */
  threads: Map<number, Thread>;
  /** Those that have a name. */
  tracks: Set<number>;
}

/**
 * The Trace Event Format of Chrome and Perfetto: complete events (`X`) with times in whole microseconds since
 * `originMs`. The coordinator is one process, each worker another, with a track for each thread. Events on one track never
 * overlap, unless one lies within the other: whoever draws them relies on that.
 *
 * A block that threads shared has a track for such blocks, named after the first of them and how many others there were: a result tells neither
 * which these were nor when each was done, only when all were. On tracks of single threads it would be a guess.
 *
 * Format: "Trace Event Format", Google, docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */
export function createRunTrace(file: TraceFile, run: string, originMs: number): RunTrace {
  const workers = new Map<string, TracedWorker>();
  let lastPid = coordinatorPid;
  const microseconds = (ms: number): number => Math.round((ms - originMs) * 1e3);

  const complete = (pid: number, track: number, name: string, span: Span, args = ''): void => {
    const start = microseconds(span.startMs);
    const length = microseconds(span.endMs) - start;
    file.add(`{"ph":"X","pid":${pid},"tid":${track},"name":"${name}","ts":${start},"dur":${length}${args}}`);
  };
  const named = (pid: number, kind: 'process_name' | 'thread_name', track: number, name: string): void =>
    file.add(
      `{"ph":"M","pid":${pid},"tid":${track},"name":"${kind}","args":{"name":${JSON.stringify(name)}}}`,
    );

  const workerOf = (worker: string): TracedWorker => {
    const known = workers.get(worker);
    if (known !== undefined) return known;
    lastPid += 1;
    const traced = { pid: lastPid, threads: new Map<number, Thread>(), tracks: new Set<number>() };
    workers.set(worker, traced);
    named(traced.pid, 'process_name', 0, `worker ${worker}`);
    return traced;
  };
  const threadOf = ({ threads }: TracedWorker, number: number): Thread => {
    const known = threads.get(number);
    if (known !== undefined) return known;
    const thread: Thread = { endMs: Number.NEGATIVE_INFINITY, publishing: null };
    threads.set(number, thread);
    return thread;
  };
  /** Threads alone come first, then pairs, then fours. */
  const trackOf = ({ pid, tracks }: TracedWorker, number: number, sharing: number): number => {
    const doublings = Math.min(mostDoublings, Math.ceil(Math.log2(Math.max(1, sharing))));
    const track = doublings * mostThreads + number + 1;
    if (tracks.has(track)) return track;
    tracks.add(track);
    const others = doublings === 0 ? '' : ` and ${2 ** doublings - 1} more, on one block`;
    named(pid, 'thread_name', track, `thread ${number + 1}${others}`);
    return track;
  };
  /** Draws the last result's way, until the thread computes again. */
  const settle = (pid: number, thread: Thread, untilMs: number): void => {
    if (thread.publishing === null) return;
    const { track, span, args } = thread.publishing;
    thread.publishing = null;
    const endMs = Math.min(span.endMs, untilMs);
    if (endMs <= span.startMs) return;
    complete(pid, track, 'publishing', { ...span, endMs }, args);
    thread.endMs = endMs;
  };
  const settleAll = ({ pid, threads }: TracedWorker): void => {
    for (const thread of threads.values()) settle(pid, thread, Number.POSITIVE_INFINITY);
  };

  named(coordinatorPid, 'process_name', 0, `coordinator of ${run}`);
  named(coordinatorPid, 'thread_name', stepsTrack, 'steps');
  named(coordinatorPid, 'thread_name', checkpointsTrack, 'checkpoints');

  const stepTracks = [{ id: stepsTrack, endMs: Number.NEGATIVE_INFINITY }];
  const freeStepTrack = ({ startMs, endMs }: Span): number => {
    let track = stepTracks.find((one) => one.endMs <= startMs);
    if (track === undefined) {
      track = { id: furtherStepsTrack + stepTracks.length - 1, endMs };
      stepTracks.push(track);
      named(coordinatorPid, 'thread_name', track.id, 'steps in flight beside');
    }
    track.endMs = endMs;
    return track.id;
  };

  return {
    step({ mode, step, segments, ...whole }) {
      const name = mode === 'train' ? `step ${step}` : `validation after step ${step}`;
      const track = freeStepTrack(whole);
      complete(coordinatorPid, track, name, whole, `,"args":{"step":${step},"mode":"${mode}"}`);
      for (const segment of segments) complete(coordinatorPid, track, segment.phase, segment);
    },
    block(worker, by, { step, pass, node, mode }, times) {
      const traced = workerOf(worker);
      const number = Math.min(by.thread, mostThreads - 1);
      const thread = threadOf(traced, number);
      const track = trackOf(traced, number, by.threads);
      const shared = by.threads > 1 ? `,"threads":${by.threads}` : '';
      const args = `,"args":{"step":${step},"pass":${pass},"node":${node},"mode":"${mode}"${shared}}`;
      settle(traced.pid, thread, Math.max(times.computing.startMs, thread.endMs));
      // While the thread was at the block before, this one waited for it: what lies before its end is not the thread's.
      for (const phase of ['fetching', 'waiting', 'computing'] as const) {
        const span = { ...times[phase], startMs: Math.max(times[phase].startMs, thread.endMs) };
        if (span.endMs <= span.startMs) continue;
        complete(traced.pid, track, phase, span, args);
        thread.endMs = span.endMs;
      }
      const { startMs, endMs } = times.publishing;
      thread.publishing = { track, span: { startMs: Math.max(startMs, thread.endMs), endMs }, args };
    },
    checkpoint(span, sizeBytes) {
      complete(coordinatorPid, checkpointsTrack, 'checkpoint', span, `,"args":{"bytes":${sizeBytes}}`);
    },
    moment(worker, what, atMs) {
      const { pid } = workerOf(worker);
      const ts = microseconds(atMs);
      file.add(`{"ph":"i","s":"p","pid":${pid},"tid":0,"name":${JSON.stringify(what)},"ts":${ts}}`);
    },
    left(worker) {
      const traced = workers.get(worker);
      if (traced !== undefined) settleAll(traced);
      workers.delete(worker);
    },
    async close() {
      for (const traced of workers.values()) settleAll(traced);
      await file.close();
    },
  };
}
