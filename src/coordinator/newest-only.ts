/**
 * Sends one at a time; of what it is asked to send meanwhile it sends the last, when the one in flight is out. If that fails, whoever asked for
 * it is told, and what waited is forgotten.
 */
export function newestOnly<T>(send: (value: T) => Promise<void>): (value: T) => Promise<void> {
  let inFlight = false;
  const waiting: T[] = [];
  return async (value) => {
    waiting[0] = value;
    if (inFlight) return;
    inFlight = true;
    try {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await send(next);
    } finally {
      waiting.length = 0;
      inFlight = false;
    }
  };
}
