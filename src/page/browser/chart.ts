import type { Point } from '../state.js';
import { make, makeSvg, setText } from './dom.js';

/** One line of a chart. */
export interface Line {
  name: string;
  points: readonly Point[];
  /** The second is dashed and dotted: told apart without colour, too. */
  look: 'one' | 'two';
}

export interface ChartOptions {
  title: string;
  /** What the x-axis counts: `steps`, `seconds`. */
  across: string;
  format(value: number): string;
  /** Ends of the y-axis that are not taken from the points. */
  low?: number;
  high?: number;
  /** Equal factors are equally far apart; values have to be positive. */
  logarithmic?: boolean;
}

export interface Chart {
  show(lines: readonly Line[]): void;
}

const height = 180;
const margin = { left: 46, right: 12, top: 8, bottom: 22 };

/** A line chart of its own, in SVG, as wide as its figure. The values under the pointer, else the last ones, stand above it in words. */
export function createChart(figure: HTMLElement, o: ChartOptions): Chart {
  const readout = make('p', { class: 'readout small soft' });
  const svg = makeSvg('svg', { class: 'chart', role: 'img', height });
  const unit = make('span', { class: 'soft small' }, ` over the ${o.across}`);
  figure.append(make('h3', {}, [o.title, unit]), readout, svg);
  let lines: readonly Line[] = [];
  let pointerX: number | null = null;

  const draw = (): void => {
    const width = Math.max(200, svg.clientWidth);
    const scale = scaleOf(lines, width, o);
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    svg.setAttribute('aria-label', describe(o, lines));
    svg.replaceChildren(...axes(scale, width, o), ...lines.flatMap((line) => trace(line, scale)));
    const at = pointerX === null ? null : nearest(lines, scale.back(pointerX));
    if (at !== null) {
      const x = scale.x(at);
      const ends = { y1: margin.top, y2: height - margin.bottom };
      svg.append(makeSvg('line', { class: 'cursor', x1: x, x2: x, ...ends }));
    }
    setText(readout, words(lines, at, o));
  };

  svg.addEventListener('pointermove', (event) => {
    pointerX = event.clientX - svg.getBoundingClientRect().left;
    draw();
  });
  svg.addEventListener('pointerleave', () => {
    pointerX = null;
    draw();
  });
  new ResizeObserver(draw).observe(figure);
  return {
    show(next) {
      lines = next;
      draw();
    },
  };
}

interface Scale {
  x(value: number): number;
  y(value: number): number;
  /** Pixels → x */
  back(pixels: number): number;
  xs: number[];
  ys: number[];
}

function scaleOf(lines: readonly Line[], width: number, o: ChartOptions): Scale {
  const points = lines.flatMap((line) => line.points);
  const [x0, x1] = span([0, ...points.map(([x]) => x)]);
  const bend = o.logarithmic === true ? (y: number) => Math.log10(Math.max(y, 1e-9)) : (y: number) => y;
  const [low, high] = span(points.map(([, y]) => y));
  const ys = o.logarithmic === true ? decades(low, high) : ticks(o.low ?? low, o.high ?? high, 4);
  const bottom = bend(Math.min(o.low ?? Number.POSITIVE_INFINITY, ys[0] ?? 0, low));
  const top = bend(Math.max(o.high ?? Number.NEGATIVE_INFINITY, ys.at(-1) ?? 1, high));
  const across = width - margin.left - margin.right;
  const up = height - margin.top - margin.bottom;
  return {
    x: (value) => margin.left + ((value - x0) / (x1 - x0)) * across,
    y: (value) => height - margin.bottom - ((bend(value) - bottom) / (top - bottom)) * up,
    back: (pixels) => x0 + ((pixels - margin.left) / across) * (x1 - x0),
    xs: ticks(x0, x1, Math.max(3, Math.floor(across / 64))).filter((x) => x >= x0 && x <= x1),
    ys: ys.filter((y) => bend(y) >= bottom && bend(y) <= top),
  };
}

/** Powers of ten that enclose low to high. */
export function decades(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(Math.max(low, 1e-9)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(high, 1e-9))));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(`1e${first + i}`));
}

/** Smallest and largest, never equal. */
export function span(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low < high) return [low, high];
  const room = Math.abs(low) / 10 || 1;
  return [low - room, high + room];
}

/** About `count` round numbers that cover low to high: steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((times) => times * power >= rough) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function axes(scale: Scale, width: number, o: ChartOptions): SVGElement[] {
  const across = scale.ys.flatMap((value) => {
    const y = scale.y(value);
    return [
      makeSvg('line', { class: 'grid', x1: margin.left, x2: width - margin.right, y1: y, y2: y }),
      makeSvg('text', { x: margin.left - 7, y: y + 4, 'text-anchor': 'end' }, o.format(value)),
    ];
  });
  const along = scale.xs.map((value) =>
    makeSvg(
      'text',
      { x: scale.x(value), y: height - 4, 'text-anchor': 'middle' },
      value.toLocaleString('en-GB'),
    ),
  );
  return [...across, ...along];
}

function trace(line: Line, scale: Scale): SVGElement[] {
  if (line.points.length === 0) return [];
  const at = line.points.map(([x, y]) => `${scale.x(x).toFixed(1)},${scale.y(y).toFixed(1)}`);
  const path = makeSvg('polyline', { class: line.look, points: at.join(' ') });
  const isDotted = line.look === 'two' || line.points.length === 1;
  if (!isDotted || line.points.length > 60) return [path];
  const dots = line.points.map(([x, y]) =>
    makeSvg('circle', { class: `dot ${line.look}-dot`, cx: scale.x(x), cy: scale.y(y), r: 3.5 }),
  );
  return [path, ...dots];
}

/** The x of the point that is nearest, over all lines. */
function nearest(lines: readonly Line[], x: number): number | null {
  let best: number | null = null;
  for (const [at] of lines.flatMap((line) => line.points)) {
    if (best === null || Math.abs(at - x) < Math.abs(best - x)) best = at;
  }
  return best;
}

/** `step 120: training 0.213, validation 0.198`; the last point at or before x. */
function words(lines: readonly Line[], x: number | null, o: ChartOptions): string {
  const parts = lines.flatMap((line) => {
    const point = x === null ? line.points.at(-1) : line.points.findLast(([at]) => at <= x);
    return point === undefined ? [] : [`${line.name} ${o.format(point[1])}`];
  });
  if (parts.length === 0) return 'nothing yet';
  return x === null
    ? parts.join(' · ')
    : `${o.across} ${Math.round(x).toLocaleString('en-GB')}: ${parts.join(' · ')}`;
}

/** What somebody who does not see it should know. */
function describe(o: ChartOptions, lines: readonly Line[]): string {
  const parts = lines.flatMap(({ name, points }) => {
    const first = points[0];
    const last = points.at(-1);
    if (first === undefined || last === undefined) return [];
    return [`${name} from ${o.format(first[1])} to ${o.format(last[1])}`];
  });
  return parts.length === 0 ? `${o.title}: nothing yet` : `${o.title}: ${parts.join('; ')}`;
}
