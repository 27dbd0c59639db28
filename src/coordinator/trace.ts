import type { BlockTimes } from './block-times.js';
import type { UnitKey } from './decide/actions.js';
import type { Span, TimedStep } from './step-timeline.js';
import type { TraceFile } from './trace-file.js';

/** What a trace shows of a run. */
export interface RunTrace {
  /** A step or validation, and under it its phases. */
  step(timed: TimedStep): void;
  /** An accepted block, on the track of the thread that computed it. */
  block(worker: string, thread: number, unit: UnitKey, times: BlockTimes): void;
  checkpoint(span: Span, sizeBytes: number): void;
  /** A moment of a worker's life. */
  moment(worker: string, what: string, atMs: number): void;
  /** Forgets the worker; should it come back, it gets a process of its own in the trace. */
  left(worker: string): void;
  close(): Promise<void>;
}

const coordinatorPid = 1;
const stepsTrack = 1;
const checkpointsTrack = 2;
/** Where the next one is of the tracks of steps that a delay has in flight beside another. */
const furtherStepsTrack = 3;
/** Tracks of one worker, whatever it says. */
const mostThreads = 1024;

interface Track {
  /** Where the last event on it ended. */
  endMs: number;
  /** Its result on the way: drawn when the next block says how long there is room for it. */
  publishing: { span: Span; args: string } | null;
}

interface TracedWorker {
  pid: number;
  tracks: Map<number, Track>;
}

/**
 * The Trace Event Format of Chrome and Perfetto: complete events (`X`) with times in whole microseconds since
 * `originMs`. The coordinator is one process, each worker another, with a track for each thread. Events on one track never
 * overlap, unless one lies within the other: whoever draws them relies on that.
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
    const traced = { pid: lastPid, tracks: new Map<number, Track>() };
    workers.set(worker, traced);
    named(traced.pid, 'process_name', 0, `worker ${worker}`);
    return traced;
  };
  const trackOf = ({ pid, tracks }: TracedWorker, thread: number): Track => {
    const known = tracks.get(thread);
    if (known !== undefined) return known;
    const track: Track = { endMs: Number.NEGATIVE_INFINITY, publishing: null };
    tracks.set(thread, track);
    named(pid, 'thread_name', thread + 1, `thread ${thread + 1}`);
    return track;
  };
  /** Draws the last result's way, until the thread computes again. */
  const settle = (pid: number, thread: number, track: Track, untilMs: number): void => {
    if (track.publishing === null) return;
    const { span, args } = track.publishing;
    track.publishing = null;
    const endMs = Math.min(span.endMs, untilMs);
    if (endMs <= span.startMs) return;
    complete(pid, thread + 1, 'publishing', { ...span, endMs }, args);
    track.endMs = endMs;
  };
  const settleAll = ({ pid, tracks }: TracedWorker): void => {
    for (const [thread, track] of tracks) settle(pid, thread, track, Number.POSITIVE_INFINITY);
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
    block(worker, claimedThread, { step, pass, node, mode }, times) {
      const traced = workerOf(worker);
      const thread = Math.min(claimedThread, mostThreads - 1);
      const track = trackOf(traced, thread);
      const args = `,"args":{"step":${step},"pass":${pass},"node":${node},"mode":"${mode}"}`;
      settle(traced.pid, thread, track, Math.max(times.computing.startMs, track.endMs));
      // While the thread was at the block before, this one waited for it: what lies before its end is not the thread's.
      for (const phase of ['fetching', 'waiting', 'computing'] as const) {
        const span = { ...times[phase], startMs: Math.max(times[phase].startMs, track.endMs) };
        if (span.endMs <= span.startMs) continue;
        complete(traced.pid, thread + 1, phase, span, args);
        track.endMs = span.endMs;
      }
      const { startMs, endMs } = times.publishing;
      track.publishing = { span: { startMs: Math.max(startMs, track.endMs), endMs }, args };
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
