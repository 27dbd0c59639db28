import { type Message, ProtocolError } from '../../protocol/index.js';
import { type LinkEvents, throwLater } from '../listeners.js';
import type { Delivery, Verdict } from '../transport.js';

/**
 * A consumer's handler around one for decoded messages: what does not follow the protocol is told and acked, since
 * giving it back would only bring it again.
 */
export function decoding<M extends Message>(
  events: LinkEvents,
  decode: (bytes: Uint8Array) => M,
  handle: (message: M, delivery: Delivery) => Promise<Verdict>,
): (bytes: Buffer, delivery: Delivery) => Promise<Verdict> {
  return async (bytes, delivery) => {
    let message: M;
    try {
      message = decode(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      events.malformed.tell(error.message);
      return 'ack';
    }
    events.traffic.tell({ direction: 'in', type: message.type, sizeBytes: delivery.sizeBytes });
    return handle(message, delivery);
  };
}

/** Runs a handler that gives no verdict; what it throws ends the process visibly. */
export async function surely(handle: () => void | Promise<void>): Promise<Verdict> {
  try {
    await handle();
  } catch (error) {
    throwLater(error);
  }
  return 'ack';
}
