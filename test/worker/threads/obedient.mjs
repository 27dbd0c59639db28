// A compute thread that does what the step number says: 0 answers, 1 dies of an uncaught error, 2 runs out of memory,
// 3 exits without a word, 4 waits to be abandoned, 5 answers with a failure, 6 answers unless it is to stop.
import { parentPort, workerData } from 'node:worker_threads';

const { abandoned } = workerData;
const answer = (message) => parentPort.postMessage(message, []);
const sums = () => ({
  samples: 1,
  lossSum: 0.5,
  correct: 1,
  confusion: new Uint32Array(0),
  gradient: new Float32Array(2),
});

parentPort.on('message', (message) => {
  if (message.type === 'block') return;
  const { id, step } = message.request;
  if (step === 0) answer({ type: 'computed', id, sums: sums(), computeMs: 1 });
  if (step === 1) throw new Error('as ordered');
  if (step === 2) {
    const hoard = [];
    for (;;) hoard.push(Array.from({ length: 1000 }, (_, i) => ({ i })));
  }
  if (step === 3) process.exit(3);
  if (step === 4) {
    while (Atomics.load(abandoned, 0) !== id) Atomics.wait(abandoned, 0, -1, 5);
    answer({ type: 'abandoned', id });
  }
  if (step === 6) {
    const isStopped = Atomics.load(abandoned, 0) === id;
    answer(isStopped ? { type: 'abandoned', id } : { type: 'computed', id, sums: sums(), computeMs: 1 });
  }
  if (step === 5) answer({ type: 'failed', id, reason: 'no such sample' });
});
answer({ type: 'open' });
