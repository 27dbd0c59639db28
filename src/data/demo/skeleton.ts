import type { Bitmap } from './bitmap.js';

export interface Point {
  x: number;
  y: number;
}
/** A line the pen could draw without lifting. `closed`: it ends where it began (that point is not repeated). */
export interface Stroke {
  points: Point[];
  closed: boolean;
}

/** A place where lines end or meet. */
interface Knot {
  x: number;
  y: number;
  /** Half of the outline's width here, px. */
  radius: number;
  pixels: number;
}
interface Edge {
  from: number;
  to: number;
  /** From knot to knot, without the knots. */
  points: Point[];
}

/**
 * Reads a thinned bitmap as a drawing: finds the lines between ends and crossings, drops the spurs that thinning leaves at
 * corners, and joins lines that run straight through a crossing into one stroke.
 * @param distance half of the outline's width at each pixel, px
 */
export function traceStrokes(thinned: Bitmap, distance: Float64Array): Stroke[] {
  const graph = buildGraph(thinned, distance);
  const merged = contractShortEdges(graph.knots, graph.edges);
  const edges = prune(merged.knots, merged.edges).map((edge) => trimNearKnots(merged.knots, edge));
  return [...chain(merged.knots, edges), ...graph.loops.map((points) => ({ points, closed: true }))];
}

function neighboursOf({ width, bits }: Bitmap, i: number): number[] {
  const found: number[] = [];
  for (const d of [-1, 1, -width, width]) if (bits[i + d]) found.push(i + d);
  // A diagonal counts only where no straight way round exists: so a staircase is a line, not a row of triangles.
  for (const dy of [-width, width]) {
    for (const dx of [-1, 1]) {
      if (bits[i + dy + dx] && !bits[i + dy] && !bits[i + dx]) found.push(i + dy + dx);
    }
  }
  return found;
}

function buildGraph(thinned: Bitmap, distance: Float64Array) {
  const { width, bits } = thinned;
  const knots: Knot[] = [];
  const knotAt = new Map<number, number>();
  const at = (i: number): Point => ({ x: i % width, y: Math.floor(i / width) });
  const links = new Map<number, number[]>();
  for (let i = 0; i < bits.length; i++) {
    if (!bits[i]) continue;
    const neighbours = neighboursOf(thinned, i);
    links.set(i, neighbours);
    if (neighbours.length === 2) continue;
    knotAt.set(i, knots.length);
    knots.push({ ...at(i), radius: distance[i], pixels: 1 });
  }
  const visited = new Set<number>();
  const walk = (start: number, first: number): { end: number; path: number[] } => {
    const path: number[] = [];
    let previous = start;
    let current = first;
    while (!knotAt.has(current) && current !== start) {
      visited.add(current);
      path.push(current);
      const next: number | undefined = links.get(current)?.find((n) => n !== previous);
      if (next === undefined) break;
      previous = current;
      current = next;
    }
    return { end: current, path };
  };
  const edges: Edge[] = [];
  for (const [pixel, from] of knotAt) {
    for (const first of links.get(pixel) ?? []) {
      if (visited.has(first)) continue;
      const to = knotAt.get(first);
      if (to !== undefined) {
        if (from < to) edges.push({ from, to, points: [] });
        continue;
      }
      const { end, path } = walk(pixel, first);
      edges.push({ from, to: knotAt.get(end) ?? from, points: path.map(at) });
    }
  }
  const loops: Point[][] = [];
  for (const [pixel, neighbours] of links) {
    if (knotAt.has(pixel) || visited.has(pixel)) continue;
    visited.add(pixel);
    const { path } = walk(pixel, neighbours[0]);
    loops.push([pixel, ...path].map(at));
  }
  return { knots, edges, loops: loops.filter((loop) => loop.length > 12) };
}

/** Thinning turns one crossing into two forks a stroke's width apart: make them one knot again. */
function contractShortEdges(knots: Knot[], edges: Edge[]) {
  const degree = degrees(knots.length, edges);
  const root = knots.map((_, i) => i);
  const find = (i: number): number => (root[i] === i ? i : find(root[i]));
  const kept = edges.filter((edge) => {
    const bothMeet = degree[edge.from] > 2 && degree[edge.to] > 2;
    const reach = 1.1 * Math.max(knots[edge.from].radius, knots[edge.to].radius);
    if (!bothMeet || edge.points.length > reach || edge.from === edge.to) return true;
    root[find(edge.from)] = find(edge.to);
    return false;
  });
  const sums = knots.map((knot) => ({ ...knot, x: 0, y: 0, pixels: 0 }));
  knots.forEach((knot, i) => {
    const sum = sums[find(i)];
    sum.x += knot.x;
    sum.y += knot.y;
    sum.pixels++;
    sum.radius = Math.max(sum.radius, knot.radius);
  });
  for (const sum of sums) {
    sum.x /= Math.max(1, sum.pixels);
    sum.y /= Math.max(1, sum.pixels);
  }
  return {
    knots: sums,
    edges: kept
      .map((edge) => ({ ...edge, from: find(edge.from), to: find(edge.to) }))
      .filter((edge) => edge.from !== edge.to || edge.points.length > 8),
  };
}

/** Drops dead ends that are hardly longer than the stroke is wide. */
function prune(knots: Knot[], edges: Edge[]): Edge[] {
  const degree = degrees(knots.length, edges);
  return edges.filter((edge) => {
    const fromEnds = degree[edge.from] === 1;
    const toEnds = degree[edge.to] === 1;
    if (fromEnds === toEnds) return true;
    const meeting = knots[fromEnds ? edge.to : edge.from];
    return edge.points.length > 1.35 * meeting.radius;
  });
}

/** Near a crossing the middle line bends towards it: leave those points out, so that joined strokes run straight through. */
function trimNearKnots(knots: Knot[], edge: Edge): Edge {
  const keep = edge.points.filter((p) =>
    [edge.from, edge.to].every((k) => {
      const knot = knots[k];
      const reach = Math.min(0.8 * knot.radius, edge.points.length / 4);
      return (p.x - knot.x) ** 2 + (p.y - knot.y) ** 2 > reach * reach;
    }),
  );
  return { ...edge, points: keep };
}

function degrees(count: number, edges: Edge[]): number[] {
  const degree = Array.from({ length: count }, () => 0);
  for (const edge of edges) {
    degree[edge.from] = degree[edge.from] + 1;
    degree[edge.to] = degree[edge.to] + 1;
  }
  return degree;
}

/** One end of an edge: 2 · edge, plus 1 at its `to` end. */
type End = number;

function chain(knots: Knot[], edges: Edge[]): Stroke[] {
  const endsAt = knots.map(() => [] as End[]);
  edges.forEach((edge, i) => {
    endsAt[edge.from]?.push(2 * i);
    endsAt[edge.to]?.push(2 * i + 1);
  });
  const partner = new Map<End, End>();
  endsAt.forEach((ends, k) => {
    pairEnds(knots[k], ends, edges, partner);
  });

  const used = new Set<number>();
  const follow = (start: End): Stroke => {
    const points: Point[] = [];
    const first = edges[start >> 1];
    points.push(position(knots, start & 1 ? first.to : first.from));
    let end: End | undefined = start;
    while (end !== undefined && !used.has(end >> 1)) {
      used.add(end >> 1);
      const edge: Edge = edges[end >> 1];
      const backwards = (end & 1) === 1;
      points.push(...(backwards ? edge.points.toReversed() : edge.points));
      const farKnot = backwards ? edge.from : edge.to;
      const far = end ^ 1;
      const next: End | undefined = partner.get(far);
      // A straight run passes beside the knot's centre; everything else ends or turns on it.
      if (next === undefined || (endsAt[farKnot]?.length ?? 0) <= 2) points.push(position(knots, farKnot));
      end = next;
    }
    const closed = end !== undefined;
    const last = points[points.length - 1];
    if (closed && last.x === points[0]?.x && last.y === points[0].y) points.pop();
    return { points, closed };
  };
  const strokes: Stroke[] = [];
  const starts = [...edges.keys()].flatMap((i) => [2 * i, 2 * i + 1]);
  for (const start of starts) if (!partner.has(start) && !used.has(start >> 1)) strokes.push(follow(start));
  for (const start of starts) if (!used.has(start >> 1)) strokes.push(follow(start));
  return strokes;
}

function pairEnds(knot: Knot, ends: End[], edges: Edge[], partner: Map<End, End>): void {
  if (ends.length === 2) {
    partner.set(ends[0], ends[1]);
    partner.set(ends[1], ends[0]);
    return;
  }
  const directions = ends.map((end) => directionFrom(knot, edges[end >> 1], (end & 1) === 1));
  const pairs: { a: number; b: number; straightness: number }[] = [];
  for (let a = 0; a < ends.length; a++) {
    for (let b = a + 1; b < ends.length; b++) {
      const p = directions[a];
      const q = directions[b];
      pairs.push({ a, b, straightness: -(p.x * q.x + p.y * q.y) });
    }
  }
  pairs.sort((p, q) => q.straightness - p.straightness);
  const taken = new Set<number>();
  for (const { a, b, straightness } of pairs) {
    if (straightness < 0.5 || taken.has(a) || taken.has(b)) continue;
    taken.add(a).add(b);
    partner.set(ends[a], ends[b]);
    partner.set(ends[b], ends[a]);
  }
}

function directionFrom(knot: Knot, edge: Edge, backwards: boolean): Point {
  const reach = Math.min(edge.points.length - 1, Math.ceil(1.5 * knot.radius));
  const p = edge.points.at(backwards ? -1 - reach : reach) ?? knot;
  const dx = p.x - knot.x;
  const dy = p.y - knot.y;
  const length = Math.sqrt(dx * dx + dy * dy) || 1;
  return { x: dx / length, y: dy / length };
}

function position(knots: Knot[], k: number): Point {
  const { x, y } = knots[k];
  return { x, y };
}
