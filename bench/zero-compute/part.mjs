// What the parts of a zero-compute step have in common: what they are told, and what they tell.
import { processorSecondsOf } from '../running.mjs';

export const settings = JSON.parse(process.argv[2]);
process.on('disconnect', () => process.exit());

export const report = (message) => process.send(message);

/** Steps before the clock starts: connections, and time for V8 to compile what a run of hours does compiled. */
const warmUp = 1500;

/** Milliseconds of processor time that this process and the broker have used. */
function used() {
  const { user, system } = process.cpuUsage();
  const broker = settings.brokerPid === null ? Number.NaN : 1000 * processorSecondsOf(settings.brokerPid);
  return { own: (user + system) / 1000, broker };
}

/** Takes the time of `steps` steps, after some to warm up. */
export function stopwatch(steps) {
  let done = 0;
  let startMs = 0;
  let endMs = 0;
  let before = null;
  let after = null;
  return {
    /** A step is over; false after the last one. */
    step() {
      done += 1;
      if (done === warmUp) {
        startMs = performance.now();
        before = used();
      }
      if (done !== warmUp + steps) return done < warmUp + steps;
      endMs = performance.now();
      after = used();
      return false;
    },
    result: () => ({
      stepMs: (endMs - startMs) / steps,
      processorMs: (after.own - before.own) / steps,
      brokerMs: (after.broker - before.broker) / steps,
    }),
    total: warmUp + steps,
  };
}
