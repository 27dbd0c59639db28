// Loaded before a program (`node --import`): at its end it writes its seconds of processor time, all threads, into the file that
// BENCH_PROCESSOR_TIME names.
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const path = process.env.BENCH_PROCESSOR_TIME;
if (isMainThread && path !== undefined) {
  process.once('exit', () => {
    const { user, system } = process.cpuUsage();
    writeFileSync(path, JSON.stringify({ seconds: (user + system) * 1e-6 }));
  });
}
