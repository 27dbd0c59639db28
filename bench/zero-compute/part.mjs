// What the parts of a zero-compute step have in common: what they are told, and what they tell.

export const settings = JSON.parse(process.argv[2]);
process.on('disconnect', () => process.exit());

export const report = (message) => process.send(message);

/** Steps before the clock starts: connections, compiled code. */
const warmUp = 100;

function processorMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Takes the time of `steps` steps, after some to warm up. */
export function stopwatch(steps) {
  let done = 0;
  let startMs = 0;
  let endMs = 0;
  let before = 0;
  let used = 0;
  return {
    /** A step is over; false after the last one. */
    step() {
      done += 1;
      if (done === warmUp) {
        startMs = performance.now();
        before = processorMs();
      }
      if (done !== warmUp + steps) return done < warmUp + steps;
      endMs = performance.now();
      used = processorMs() - before;
      return false;
    },
    result: () => ({ stepMs: (endMs - startMs) / steps, processorMs: used / steps }),
    total: warmUp + steps,
  };
}
