// Loaded before a program (`node --import`): at its end it writes its seconds of processor time, all threads, into the file that
// BENCH_PROCESSOR_TIME names. Where it was started with a channel to whoever started it, it says the same whenever it is asked.
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const path = process.env.BENCH_PROCESSOR_TIME;
const processorSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1e-6;
};

if (isMainThread && path !== undefined) {
  process.once('exit', () => writeFileSync(path, JSON.stringify({ seconds: processorSeconds() })));
  if (process.send !== undefined) {
    process.on('message', () =>
      process.send({ processorSeconds: processorSeconds(), wallSeconds: performance.now() / 1000 }),
    );
    // It keeps nothing alive.
    process.channel.unref();
  }
}
