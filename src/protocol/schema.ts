import type { Message, MessageType } from './messages.js';

/**
 * What a field holds, apart from what its protobuf type says:
 * - `identifier`: name of a run or worker; `text`: for people, clipped when too long; `json`: checked by who reads it
 * - `hash`: SHA-256, 64 lower-case hex digits
 * - `uint32`; `node`: a tree node, from 1 on; `microshards`: a power of two; `microshardSamples`: a multiple of 16
 * - `double`: any number, NaN included, for the receiver to judge; `measure`: finite, not negative
 * - `flag`: true or false
 * - `marks`: fingerprints, 16 lower-case hex digits each; `names`: identifiers, or '' for none; `faults`: of segments
 * - `indices`, `counts`: Uint32Array; `nodes`, `steps`: number[]
 * - `floats`, `block`: the envelope's tensor: values, in whatever encoding a multiple of four bytes, or plain bytes
 */
export type FieldKind =
  | 'identifier'
  | 'text'
  | 'json'
  | 'hash'
  | 'uint32'
  | 'node'
  | 'microshards'
  | 'microshardSamples'
  | 'double'
  | 'measure'
  | 'flag'
  | 'mode'
  | 'outcome'
  | 'encoding'
  | 'gradientEncoding'
  | 'marks'
  | 'names'
  | 'faults'
  | 'indices'
  | 'counts'
  | 'nodes'
  | 'steps'
  | 'floats'
  | 'block';

type Fields<M> = { readonly [K in Exclude<keyof M, 'type'>]: FieldKind };

/** Every field of every message: the compiler sees to it that none is forgotten. */
export const schema: { readonly [T in MessageType]: Fields<Extract<Message, { type: T }>> } = {
  hello: {
    worker: 'identifier',
    host: 'text',
    pid: 'uint32',
    threads: 'uint32',
    numericsId: 'text',
    kernels: 'text',
    version: 'text',
  },
  ready: { run: 'identifier', fence: 'uint32', worker: 'identifier', threads: 'uint32' },
  heartbeat: {
    run: 'identifier',
    fence: 'uint32',
    worker: 'identifier',
    nodes: 'nodes',
    steps: 'steps',
    images: 'measure',
    rssBytes: 'measure',
    eventLoopLagMs: 'measure',
    busyMs: 'measure',
    cacheHits: 'measure',
    cacheMisses: 'measure',
    reconnects: 'measure',
  },
  task_failed: {
    run: 'identifier',
    fence: 'uint32',
    step: 'uint32',
    pass: 'uint32',
    node: 'node',
    worker: 'identifier',
    reason: 'text',
    samples: 'indices',
  },
  goodbye: { run: 'identifier', worker: 'identifier', reason: 'text' },
  block_request: { run: 'identifier', worker: 'identifier', block: 'uint32', hash: 'hash' },
  result: {
    run: 'identifier',
    fence: 'uint32',
    step: 'uint32',
    pass: 'uint32',
    weightsVersion: 'uint32',
    node: 'node',
    mode: 'mode',
    worker: 'identifier',
    samples: 'uint32',
    lossSum: 'double',
    correct: 'uint32',
    confusion: 'counts',
    encoding: 'gradientEncoding',
    gradient: 'floats',
    fetchMs: 'measure',
    waitMs: 'measure',
    computeMs: 'measure',
    takenAtMs: 'measure',
    sentAtMs: 'measure',
    thread: 'uint32',
    threads: 'uint32',
    segmentMarks: 'marks',
    badSegments: 'uint32',
  },
  offer: {
    run: 'identifier',
    fence: 'uint32',
    seed: 'uint32',
    microshards: 'microshards',
    microshardSamples: 'microshardSamples',
    numericsId: 'text',
    modelSpecJson: 'json',
    manifestJson: 'json',
    parameterCount: 'uint32',
    heartbeatMs: 'measure',
    coordinatorVersion: 'text',
    augmentationJson: 'json',
    lossJson: 'json',
    localTrainingJson: 'json',
    gradientEncoding: 'gradientEncoding',
    gradientsKept: 'uint32',
    staleness: 'uint32',
    newestWeights: 'flag',
    reducers: 'uint32',
  },
  announce: { run: 'identifier' },
  refuse: { run: 'identifier', reason: 'text' },
  block_response: { run: 'identifier', block: 'uint32', hash: 'hash', bytes: 'block', error: 'text' },
  drain: { run: 'identifier', worker: 'identifier' },
  drain_request: { worker: 'identifier', reason: 'text' },
  status_request: { observer: 'identifier' },
  status_report: { run: 'identifier', fence: 'uint32', statusJson: 'json' },
  end_of_run: { run: 'identifier', fence: 'uint32', outcome: 'outcome', reason: 'text' },
  task: {
    run: 'identifier',
    fence: 'uint32',
    step: 'uint32',
    pass: 'uint32',
    weightsVersion: 'uint32',
    node: 'node',
    mode: 'mode',
    samples: 'indices',
    attempt: 'uint32',
    evaluationSamples: 'uint32',
    epoch: 'uint32',
    nextSamples: 'indices',
  },
  weights: {
    run: 'identifier',
    fence: 'uint32',
    version: 'uint32',
    encoding: 'encoding',
    parameters: 'floats',
  },
  reducer_hello: {
    reducer: 'identifier',
    host: 'text',
    pid: 'uint32',
    numericsId: 'text',
    kernels: 'text',
    version: 'text',
  },
  range_offer: {
    run: 'identifier',
    fence: 'uint32',
    range: 'uint32',
    ranges: 'uint32',
    parameterCount: 'uint32',
    heartbeatMs: 'measure',
  },
  range_held: { run: 'identifier', fence: 'uint32', reducer: 'identifier', range: 'uint32' },
  range_released: { run: 'identifier', reducer: 'identifier', reason: 'text' },
  fold_range: {
    run: 'identifier',
    fence: 'uint32',
    range: 'uint32',
    step: 'uint32',
    attempt: 'uint32',
    oldestStep: 'uint32',
    nodes: 'nodes',
    marks: 'marks',
    emptyNodes: 'nodes',
  },
  range_sum: {
    run: 'identifier',
    fence: 'uint32',
    reducer: 'identifier',
    range: 'uint32',
    step: 'uint32',
    attempt: 'uint32',
    missing: 'nodes',
    faults: 'faults',
    senders: 'names',
    values: 'floats',
  },
  segment: {
    run: 'identifier',
    fence: 'uint32',
    step: 'uint32',
    node: 'node',
    worker: 'identifier',
    range: 'uint32',
    values: 'floats',
  },
};

/** Names of the oneof's fields in JavaScript, which protobufjs writes in camel case. */
export const bodyFieldOf: { readonly [T in MessageType]: string } = {
  hello: 'hello',
  ready: 'ready',
  heartbeat: 'heartbeat',
  task_failed: 'taskFailed',
  goodbye: 'goodbye',
  block_request: 'blockRequest',
  result: 'result',
  offer: 'offer',
  announce: 'announce',
  refuse: 'refuse',
  block_response: 'blockResponse',
  drain: 'drain',
  drain_request: 'drainRequest',
  status_request: 'statusRequest',
  status_report: 'statusReport',
  end_of_run: 'endOfRun',
  task: 'task',
  weights: 'weights',
  reducer_hello: 'reducerHello',
  range_offer: 'rangeOffer',
  range_held: 'rangeHeld',
  range_released: 'rangeReleased',
  fold_range: 'foldRange',
  range_sum: 'rangeSum',
  segment: 'segment',
};

export const messageTypes: readonly MessageType[] = Object.keys(schema).filter(isMessageType);

function isMessageType(name: string): name is MessageType {
  return Object.hasOwn(schema, name);
}
