const firstMs = 100;
const longestMs = 5_000;

/**
 * How long to wait before reconnect attempt 0, 1, 2 …: doubling up to five seconds, and of that a random part between
 * half and all, so that many workers do not come back at the same moment.
 */
export function backoffMs(attempt: number, random: () => number): number {
  const fullMs = Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 16));
  return fullMs * (0.5 + 0.5 * random());
}
