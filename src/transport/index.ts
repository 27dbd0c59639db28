export { createEmbeddedTransport } from './embedded/transport.js';
export { BrokerError, LinkDownError, RunGoneError, RunTakenError } from './errors.js';
export { createRabbitTransport, type RabbitOptions } from './rabbitmq/transport.js';
export type {
  CoordinatorLink,
  Delivery,
  LinkState,
  Traffic,
  Transport,
  Verdict,
  WorkerLink,
} from './transport.js';
