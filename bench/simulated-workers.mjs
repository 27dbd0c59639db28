// Workers that cost next to nothing: they speak the protocol over RabbitMQ as true ones do, fetch every data block once, and answer
// each task, after a moment of chance, with numbers that have the right length, in segments where the run has reducers. For measuring a
// coordinator.
import { setTimeout as sleep } from 'node:timers/promises';
import { fingerprint } from '../dist/engine/index.js';
import { rangesOf } from '../dist/protocol/index.js';
import { createRabbitTransport } from '../dist/transport/index.js';

/**
 * @param longestMs that a block takes: so results arrive in any order
 * @returns {Promise<() => Promise<void>>} how to end them all
 */
export async function startSimulatedWorkers(brokerUrl, count, longestMs = 20) {
  const transports = [];
  for (let i = 0; i < count; i++) {
    const transport = await createRabbitTransport({ url: brokerUrl, connectionName: `simulated ${i + 1}` });
    transports.push(transport);
    await startOne(transport, `simulated-${i + 1}`, longestMs);
  }
  return async () => {
    await Promise.all(transports.map((transport) => transport.close()));
  };
}

/** What is sent to somebody who has left may be lost. */
const quietly = (sent) => sent.catch(() => undefined);

async function startOne(transport, worker, longestMs) {
  const link = await transport.openWorker({ worker });
  let gradient = null;
  /** Views of it, one for each reducer, and their marks: the same in every step. */
  let segments = [];
  let segmentMarks = [];
  let beating;

  const onTask = async (task) => {
    await sleep(Math.random() * longestMs);
    const { run, fence, step, pass, weightsVersion, node, mode, samples } = task;
    const place = { run, fence, step, pass, weightsVersion, node, mode, worker };
    const sums = { samples: samples.length, lossSum: 2.3 * samples.length, correct: 0 };
    const nowMs = performance.now();
    const clock = { takenAtMs: nowMs, sentAtMs: nowMs, thread: 0 };
    const times = { fetchMs: 0, waitMs: 0, computeMs: 1, ...clock };
    const none = new Uint32Array(0);
    const result = { type: 'result', ...place, ...sums, confusion: none, encoding: 'f32', ...times };
    const sent = segments.map((values, range) =>
      link.publishSegment({ type: 'segment', run, fence, step, node, worker, range, values }),
    );
    const isWhole = segments.length === 0;
    const body = { gradient: isWhole ? gradient : new Uint8Array(0), segmentMarks, badSegments: 0 };
    await Promise.all([...sent, link.publishResult({ ...result, ...body })]);
    return 'ack';
  };

  const join = async (offer) => {
    const { run, fence, heartbeatMs, parameterCount, reducers } = offer;
    const values = Float32Array.from({ length: parameterCount }, () => (Math.random() - 0.5) * 1e-4);
    gradient = new Uint8Array(values.buffer);
    const views = rangesOf(parameterCount, reducers).map(({ first, count }) =>
      values.subarray(first, first + count),
    );
    segmentMarks = views.map((view) => fingerprint(view, 0, 0).hash);
    segments = views.map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    await link.joinRun(run, { prefetch: 2, task: onTask, weights: () => undefined });
    await link.send(run, { type: 'ready', run, fence, worker, threads: 1 });
    const counts = { busyMs: 0, cacheHits: 0, cacheMisses: 0, reconnects: 0 };
    const beat = { nodes: [], steps: [], images: 0, rssBytes: 0, eventLoopLagMs: 0, ...counts };
    beating = setInterval(
      () => void quietly(link.send(run, { type: 'heartbeat', run, fence, worker, ...beat })),
      heartbeatMs,
    );
    for (const [block, { hash }] of JSON.parse(offer.manifestJson).blocks.entries()) {
      await link.send(run, { type: 'block_request', run, worker, block, hash });
    }
  };

  const hello = (description) =>
    link.hello({ type: 'hello', worker, host: 'simulated', pid: 1, threads: 1, ...description });
  // It takes part in whatever there is: what it computes with nobody asks.
  let joined = false;
  await link.receive((message) => {
    if (message.type === 'announce') void quietly(hello(describe()));
    if (message.type === 'offer' && !joined) {
      joined = true;
      void quietly(join(message));
    }
    if (message.type === 'end_of_run') clearInterval(beating);
  });
  await hello(describe());
}

let description = null;
/** What coordinator and worker must have in common. */
export const pretend = (numericsId, kernels, version) => {
  description = { numericsId, kernels, version };
};
const describe = () => description;
