// Workers that cost next to nothing: they speak the protocol over RabbitMQ as true ones do, and answer each task, once its weights are
// there, with a prepared gradient of the right length. As many as wanted fit into one process. For measuring all but the computing.
import { fingerprint } from '../dist/engine/index.js';
import { rangesOf } from '../dist/protocol/index.js';
import { createRabbitTransport } from '../dist/transport/index.js';

/** What is sent to somebody who has left may be lost. */
const quietly = (sent) => sent.catch(() => undefined);
const noCounts = new Uint32Array(0);

/**
 * @param {string} brokerUrl
 * @param {string[]} names one for each worker
 * @param {{ kernels: { name: string, numericsId: string }, version: string, run?: string, fetches?: boolean,
 *   pauseMs?: () => number }} options what they must have in common with the coordinator; `run`: the one they take part in, else
 *   the first that is offered; `fetches`: every data block is asked for once; `pauseMs`: how long a block takes, from then on when its
 *   weights are there
 * @returns {Promise<() => Promise<void>>} how to end them all
 */
export async function startSimulatedWorkers(brokerUrl, names, options) {
  const transports = [];
  /** The same numbers for all: 256 workers of a large model would not fit into memory otherwise. */
  let shared = null;
  const gradientOf = (count) => {
    if (shared?.length !== 4 * count) {
      shared = new Uint8Array(Float32Array.from({ length: count }, (_, i) => (i % 7) * 1e-4).buffer);
    }
    return shared;
  };
  for (const name of names) {
    const transport = await createRabbitTransport({ url: brokerUrl, connectionName: name });
    transports.push(transport);
    await startOne(transport, name, gradientOf, options);
  }
  return async () => {
    await Promise.all(transports.map((transport) => transport.close()));
  };
}

async function startOne(transport, worker, gradientOf, { kernels, version, run: only, fetches, pauseMs }) {
  const link = await transport.openWorker({ worker });
  let gradient = null;
  /** Views of it, one for each reducer, and their marks: the same in every step. */
  let segments = [];
  let segmentMarks = [];
  let versionHere = -1;
  let waiting = [];
  let joined = false;
  let beating;

  const answer = async ({ run, fence, step, pass, weightsVersion, node, mode, samples }, settle) => {
    const place = { run, fence, step, pass, weightsVersion, node, mode, worker };
    const sums = { samples: samples.length, lossSum: 2.3 * samples.length, correct: 0, confusion: noCounts };
    const nowMs = performance.now();
    const times = {
      fetchMs: 0,
      waitMs: 0,
      computeMs: 0,
      takenAtMs: nowMs,
      sentAtMs: nowMs,
      thread: 0,
      threads: 1,
    };
    const sent = segments.map((values, range) =>
      link.publishSegment({ type: 'segment', run, fence, step, node, worker, range, values }),
    );
    const isWhole = segments.length === 0;
    const body = { gradient: isWhole ? gradient : new Uint8Array(0), segmentMarks, badSegments: 0 };
    const result = { type: 'result', ...place, ...sums, encoding: 'f32', ...times, ...body };
    await Promise.all([...sent, link.publishResult(result)]);
    settle('ack');
  };
  const answerLater = ({ task, settle }) => {
    const send = () => void answer(task, settle).catch(() => settle('requeue'));
    const ms = pauseMs?.() ?? 0;
    if (ms > 0) setTimeout(send, ms);
    else send();
  };
  const answerWhatCanBe = () => {
    const ready = waiting.filter(({ task }) => task.weightsVersion === versionHere);
    waiting = waiting.filter(({ task }) => task.weightsVersion !== versionHere);
    for (const one of ready) answerLater(one);
  };
  const take = (task) =>
    new Promise((settle) => {
      waiting.push({ task, settle });
      answerWhatCanBe();
    });
  const takeWeights = (message) => {
    versionHere = message.version;
    answerWhatCanBe();
  };

  const ready = ({ run, fence }) => link.send(run, { type: 'ready', run, fence, worker, threads: 1 });
  const join = async (offer) => {
    const { run, fence, heartbeatMs, parameterCount, manifestJson, reducers } = offer;
    gradient = gradientOf(parameterCount);
    const values = new Float32Array(gradient.buffer);
    const views = rangesOf(parameterCount, reducers).map(({ first, count }) =>
      values.subarray(first, first + count),
    );
    segmentMarks = views.map((view) => fingerprint(view, 0, 0).hash);
    segments = views.map((view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
    await link.joinRun(run, { prefetch: 2, task: take, weights: takeWeights });
    await ready(offer);
    const beat = { nodes: [], steps: [], images: 0, rssBytes: 0, eventLoopLagMs: 0 };
    beating = setInterval(
      () => void quietly(link.send(run, { type: 'heartbeat', run, fence, worker, ...beat })),
      heartbeatMs,
    );
    if (!fetches) return;
    for (const [block, { hash }] of JSON.parse(manifestJson).blocks.entries()) {
      await link.send(run, { type: 'block_request', run, worker, block, hash });
    }
  };

  const { numericsId, name: kernelsName } = kernels;
  const description = { numericsId, kernels: kernelsName, version, host: 'simulated', pid: 1, threads: 1 };
  const hello = () => link.hello({ type: 'hello', worker, ...description });
  await link.receive((message) => {
    if (message.type === 'announce') void quietly(hello());
    // It takes part in whatever there is: what it computes with nobody asks.
    if (message.type === 'offer' && (only ?? message.run) === message.run) {
      // Offered again to one that was so busy that it was taken for lost.
      void quietly(joined ? ready(message) : join(message));
      joined = true;
    }
    if (message.type === 'end_of_run') clearInterval(beating);
  });
  await hello();
}
