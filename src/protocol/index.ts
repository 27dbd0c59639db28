export { protocolVersion } from './admission.js';
export {
  decode,
  decodeStatusReport,
  decodeTask,
  decodeToCoordinator,
  decodeToReducer,
  decodeToWorker,
  decodeWeights,
  encode,
} from './codec.js';
export { assertNever, ProtocolError } from './errors.js';
export { asBytes, asFloat32 } from './float32.js';
export { limits } from './limits.js';
export type {
  Announce,
  BlockRequest,
  BlockResponse,
  DrainRequest,
  DrainWorker,
  Encoding,
  EndOfRun,
  Goodbye,
  GradientEncoding,
  Heartbeat,
  Hello,
  Message,
  MessageType,
  Mode,
  Outcome,
  Ready,
  Refuse,
  Result,
  RunOffer,
  StatusReport,
  StatusRequest,
  Task,
  TaskFailed,
  ToCoordinator,
  ToReducer,
  ToWorker,
  Weights,
} from './messages.js';
export { mostRanges, type ParameterRange, rangesOf } from './ranges.js';
export type {
  FoldRange,
  RangeHeld,
  RangeOffer,
  RangeReleased,
  RangeSum,
  ReducerHello,
  Segment,
  SegmentFault,
} from './reduce-messages.js';
export {
  coordinatorsExchange,
  isIdentifier,
  lobbyExchange,
  observerInbox,
  type RunTopology,
  reducerInbox,
  runTopology,
  sharedKeys,
  workerInbox,
} from './topology.js';
export {
  blocksFor,
  cutSamples,
  isLeft,
  isPowerOfTwo,
  leavesOf,
  leftOf,
  maxMicroshards,
  parentOf,
  siblingOf,
} from './tree.js';
