// Loaded into a process with --expose-gc --import: on SIGUSR2 it clears up and appends what it holds to the file MEMORY_PROBE.
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

async function report() {
  // Buffers are freed a turn after what held them.
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await sleep(10);
  }
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  appendFileSync(process.env.MEMORY_PROBE, `${JSON.stringify({ rss, heapUsed, external, arrayBuffers })}\n`);
}

process.on('SIGUSR2', () => void report());
