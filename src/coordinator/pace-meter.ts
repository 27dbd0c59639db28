/** Training images per second over the last seconds, and the time left at the pace of this start. */
export interface PaceMeter {
  addStep(samples: number): void;
  imagesPerSecond(): number;
  /** Null until the pace is known. */
  etaSeconds(stepsLeft: number): number | null;
}

const windowMs = 10_000;
const marksKept = 256;

export function createPaceMeter(now: () => number): PaceMeter {
  /** Cumulated images at the ends of the last steps. */
  let marks: { atMs: number; images: number }[] = [];
  let images = 0;
  let steps = 0;
  let firstMs: number | null = null;
  return {
    addStep(samples) {
      const atMs = now();
      firstMs ??= atMs;
      images += samples;
      steps += 1;
      marks.push({ atMs, images });
      const from = marks.findIndex((mark) => atMs - mark.atMs <= windowMs);
      if (from > 1) marks = marks.slice(from - 1);
      // Many short steps: every second mark tells as much.
      if (marks.length > marksKept) marks = marks.filter((_, i) => i % 2 === 0 || i === marks.length - 1);
    },
    imagesPerSecond() {
      const first = marks[0];
      const last = marks.at(-1);
      if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
      return ((last.images - first.images) * 1000) / (last.atMs - first.atMs);
    },
    etaSeconds(stepsLeft) {
      // The first step marks the start: it also waited for data to travel.
      if (firstMs === null || steps < 2) return null;
      return ((now() - firstMs) / 1000 / (steps - 1)) * stepsLeft;
    },
  };
}
