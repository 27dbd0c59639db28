export {
  decode,
  decodeStatusReport,
  decodeTask,
  decodeToCoordinator,
  decodeToWorker,
  decodeWeights,
  encode,
  protocolVersion,
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
  EndOfRun,
  Goodbye,
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
  ToWorker,
  Weights,
} from './messages.js';
export {
  isIdentifier,
  lobbyExchange,
  lobbyKeys,
  observerInbox,
  type RunTopology,
  runTopology,
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
