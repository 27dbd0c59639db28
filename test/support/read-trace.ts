import { z } from 'zod';

const event = z.object({
  ph: z.enum(['X', 'M', 'i']),
  pid: z.number().int(),
  tid: z.number().int(),
  name: z.string(),
  /** Microseconds. */
  ts: z.number().default(0),
  dur: z.number().min(0).default(0),
  args: z.record(z.string(), z.unknown()).optional(),
});
export type TraceEvent = z.infer<typeof event>;

/** The events of a trace in Chrome's format; fails for anything else. */
export function readTrace(text: string): TraceEvent[] {
  return z.array(event).parse(JSON.parse(text));
}

/** A tenth of a nanosecond: what numbers of microseconds cannot tell apart. */
const tinyUs = 1e-4;

/** Pairs of events of one track that overlap without one lying within the other: viewers cannot draw them. */
export function overlaps(events: readonly TraceEvent[]): [TraceEvent, TraceEvent][] {
  const tracks = grouped(events);
  const found: [TraceEvent, TraceEvent][] = [];
  for (const track of tracks.values()) {
    const open: TraceEvent[] = [];
    const inOrder = track.filter(({ ph }) => ph === 'X').toSorted((a, b) => a.ts - b.ts || b.dur - a.dur);
    for (const next of inOrder) {
      while (open.length > 0 && endOf(open.at(-1)) <= next.ts + tinyUs) open.pop();
      const around = open.at(-1);
      if (around !== undefined && endOf(next) > endOf(around) + tinyUs) found.push([around, next]);
      open.push(next);
    }
  }
  return found;
}

const endOf = (one: TraceEvent | undefined): number => (one === undefined ? 0 : one.ts + one.dur);

function grouped(events: readonly TraceEvent[]): Map<string, TraceEvent[]> {
  const tracks = new Map<string, TraceEvent[]>();
  for (const one of events) {
    const key = `${one.pid}/${one.tid}`;
    const track = tracks.get(key);
    if (track === undefined) tracks.set(key, [one]);
    else track.push(one);
  }
  return tracks;
}
