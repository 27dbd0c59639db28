import type {
  BlockRequest,
  Heartbeat,
  Hello,
  Ready,
  Result,
  RunOffer,
  Task,
  Weights,
} from '../../src/protocol/index.js';

/** Messages that follow the protocol, for tests that care about one or two fields. */

export function task(run: string, over: Partial<Task> = {}): Task {
  return {
    type: 'task',
    run,
    fence: 1,
    step: 0,
    pass: 0,
    weightsVersion: 0,
    node: 1,
    mode: 'train',
    samples: Uint32Array.of(3, 1, 2),
    attempt: 0,
    evaluationSamples: 16,
    epoch: 0,
    nextSamples: new Uint32Array(0),
    ...over,
  };
}

export function result(run: string, over: Partial<Result> = {}): Result {
  return {
    type: 'result',
    run,
    fence: 1,
    step: 0,
    pass: 0,
    weightsVersion: 0,
    node: 1,
    mode: 'train',
    worker: 'w1',
    samples: 3,
    lossSum: 2.5,
    correct: 1,
    confusion: new Uint32Array(0),
    encoding: 'f32',
    gradient: new Uint8Array(16),
    fetchMs: 0,
    waitMs: 1,
    computeMs: 2,
    takenAtMs: 5,
    sentAtMs: 8,
    thread: 0,
    threads: 1,
    segmentMarks: [],
    badSegments: 0,
    ...over,
  };
}

export function weights(run: string, version: number, parameters: Uint8Array = new Uint8Array(16)): Weights {
  return { type: 'weights', run, fence: 1, version, encoding: 'f32', parameters };
}

export function hello(worker: string): Hello {
  return {
    type: 'hello',
    worker,
    host: 'h',
    pid: 1,
    threads: 1,
    numericsId: 'n',
    kernels: 'k',
    version: '1',
  };
}

export function ready(run: string, worker: string): Ready {
  return { type: 'ready', run, fence: 1, worker, threads: 1 };
}

export function heartbeat(run: string, worker: string, step = 0): Heartbeat {
  const counted = { busyMs: 2, cacheHits: 1, cacheMisses: 0, reconnects: 0 };
  const measures = { images: 5, rssBytes: 1e9, eventLoopLagMs: 0.5, ...counted };
  return { type: 'heartbeat', run, fence: 1, worker, nodes: [4, 5], steps: [step, step], ...measures };
}

export function offer(run: string, over: Partial<RunOffer> = {}): RunOffer {
  return {
    type: 'offer',
    run,
    fence: 1,
    seed: 7,
    microshards: 8,
    microshardSamples: 16,
    numericsId: 'n',
    modelSpecJson: '{}',
    manifestJson: '{}',
    parameterCount: 4,
    heartbeatMs: 1_000,
    coordinatorVersion: '1',
    augmentationJson: '',
    lossJson: '',
    localTrainingJson: '',
    gradientEncoding: 'f32',
    gradientsKept: 0,
    staleness: 0,
    newestWeights: false,
    reducers: 0,
    ...over,
  };
}

export function blockRequest(run: string, worker: string): BlockRequest {
  return { type: 'block_request', run, worker, block: 2, hash: 'ab'.repeat(32) };
}
