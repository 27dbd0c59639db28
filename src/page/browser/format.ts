const dash = '–';

export const percent = (share: number | null, digits = 2): string =>
  share === null ? dash : `${(100 * share).toFixed(digits)} %`;

export const fixed = (value: number | null, digits: number): string =>
  value === null ? dash : value.toFixed(digits);

export const whole = (value: number | null): string =>
  value === null ? dash : Math.round(value).toLocaleString('en-GB');

/** Three digits that count: `0.00123`. */
export const significant = (value: number | null): string =>
  value === null ? dash : String(Number(value.toPrecision(3)));

export function milliseconds(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms >= 10 ? ms.toFixed(0) : ms.toFixed(ms >= 1 ? 1 : 2)} ms`;
}

/** `4.2 s`, `42 s`, `3 min 5 s`, `2 h 7 min` */
export function duration(seconds: number | null): string {
  if (seconds === null) return dash;
  const s = Math.max(0, Math.round(seconds));
  if (seconds > 0 && seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
