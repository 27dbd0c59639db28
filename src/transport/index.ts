export { createEmbeddedTransport } from './embedded/transport.js';
export { AccessRefusedError, BrokerError, LinkDownError, RunGoneError, RunTakenError } from './errors.js';
export { type BrokerInspection, brokerRoles, inspectRabbit } from './rabbitmq/inspect.js';
export { openRabbitObserver } from './rabbitmq/observer.js';
export { timeRabbitMessage } from './rabbitmq/time-message.js';
export { createRabbitTransport, type RabbitOptions, type TlsOptions } from './rabbitmq/transport.js';
export { every, pauseFor, realTimers, type Timers, within } from './timers.js';
export type {
  CoordinatorLink,
  Delivery,
  LinkState,
  ObserverLink,
  ReducerLink,
  Traffic,
  Transport,
  Verdict,
  WorkerLink,
} from './transport.js';
