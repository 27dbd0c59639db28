/** A buffer that is written first at time `born`, and read for the last time at `dies`; both moments belong to it. */
export interface Lifetime {
  length: number;
  born: number;
  dies: number;
}

/** Where buffers lie in one array, so that none that live at the same time overlap. */
export interface ArenaLayout {
  /** By buffer, in the order given. */
  offsets: number[];
  length: number;
  /** The most that lives at one moment: no layout can be shorter. */
  needed: number;
}

const meet = (a: Lifetime, b: Lifetime): boolean => a.born <= b.dies && b.born <= a.dies;

/**
 * Greedy by size: the largest first, each at the lowest place that is free for as long as it lives. The layout depends on
 * nothing but the lifetimes. Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, section 5.
 */
export function layOutArena(buffers: readonly Lifetime[]): ArenaLayout {
  const offsets = buffers.map(() => 0);
  const placed: number[] = [];
  const order = buffers.map((_, i) => i).toSorted((a, b) => buffers[b].length - buffers[a].length || a - b);
  for (const i of order) {
    const rivals = placed
      .filter((other) => meet(buffers[i], buffers[other]))
      .toSorted((a, b) => offsets[a] - offsets[b]);
    let offset = 0;
    for (const rival of rivals) {
      if (offset + buffers[i].length <= offsets[rival]) break;
      offset = Math.max(offset, offsets[rival] + buffers[rival].length);
    }
    offsets[i] = offset;
    placed.push(i);
  }
  const alive = (moment: number): number =>
    buffers.reduce((sum, { length, born, dies }) => sum + (born <= moment && moment <= dies ? length : 0), 0);
  return {
    offsets,
    length: Math.max(0, ...buffers.map(({ length }, i) => offsets[i] + length)),
    needed: Math.max(0, ...buffers.map(({ born }) => alive(born))),
  };
}
