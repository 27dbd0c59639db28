// Where the time of a step goes: every operation of a plan, watched while sixteen images go through it.

import { median, table } from './measure.mjs';
import { LANES } from './onko.mjs';
import { planOf } from './peers/ours.mjs';

const steps = 400;

/**
 * Multiply-adds of an operation, from its dims; 0 for those that have none to speak of. Padding counts as if computed, and a
 * convolution by points (Winograd) as if computed directly.
 */
function multiplyAdds(operation, args) {
  const dims = args.findLast((arg) => !ArrayBuffer.isView(arg));
  if (operation.startsWith('conv2d')) {
    return LANES * dims.filters * dims.channels * dims.kernel ** 2 * dims.outHeight * dims.outWidth;
  }
  return operation.startsWith('linear') ? LANES * dims.inputs * dims.units : 0;
}

/** The kernels, with `see` told of every operation and how many milliseconds it took. */
function timed(kernels, see) {
  const proxy = new Proxy(kernels, {
    get(target, name) {
      if (name === 'forPlan') return () => timed(target.forPlan(), see);
      const operation = target[name];
      if (typeof operation !== 'function' || name === 'allocate') return operation;
      return (...args) => {
        const start = performance.now();
        const result = operation(...args);
        see(name, args, performance.now() - start);
        return result;
      };
    },
  });
  return proxy;
}

/** Microseconds that the clock itself adds to what it measures. */
function clockMicroseconds() {
  const times = Array.from({ length: 10_000 }, () => {
    const start = performance.now();
    return 1000 * (performance.now() - start);
  });
  return times.reduce((a, b) => a + b, 0) / times.length;
}

/** Per operation of one group, in their order: its name, its multiply-adds, and the median of its microseconds. */
function operationsOf(kernels, name, mode) {
  let seen = [];
  const { [mode]: call } = planOf(
    timed(kernels, (operation, args, ms) => seen.push({ operation, args, us: 1000 * ms })),
    name,
    LANES,
  );
  const rounds = Array.from({ length: steps }, () => {
    seen = [];
    call();
    return seen;
  }).slice(steps / 4);
  const clock = clockMicroseconds();
  return rounds[0].map(({ operation, args }, i) => ({
    operation,
    flop: 2 * multiplyAdds(operation, args),
    us: Math.max(0, median(rounds.map((round) => round[i].us)) - clock),
  }));
}

/** Median of a step that nobody watches. */
function wholeMicroseconds(kernels, name, mode) {
  const { [mode]: call } = planOf(kernels, name, LANES);
  const times = Array.from({ length: steps }, () => {
    const start = performance.now();
    call();
    return 1000 * (performance.now() - start);
  });
  return median(times.slice(steps / 4));
}

/** Prints a table per model and mode; returns the numbers. */
export function benchSteps(kernels, models) {
  const results = {};
  for (const name of models) {
    for (const mode of ['train', 'infer']) {
      const operations = operationsOf(kernels, name, mode);
      const whole = wholeMicroseconds(kernels, name, mode);
      const inside = operations.reduce((sum, { us }) => sum + us, 0);
      const share = (us) => `${((100 * us) / whole).toFixed(1)} %`;
      console.log(`\n${kernels.name}: microseconds of the clock, ${name} ${mode}, sixteen grey images`);
      console.log(
        table([
          ['', 'µs', 'of the step', 'GFLOP/s'],
          ...operations.map(({ operation, flop, us }) => [
            operation,
            us.toFixed(1),
            share(us),
            flop === 0 ? '' : (flop / us / 1000).toFixed(0),
          ]),
          ['outside of the operations', (whole - inside).toFixed(1), share(whole - inside), ''],
          ['in all', whole.toFixed(1), '', ''],
        ]),
      );
      results[`${name} ${mode}`] = { whole, operations };
    }
  }
  return results;
}
