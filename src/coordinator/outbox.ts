/** Sends on their way, in order; nobody waits for a confirm but those who must. */
export interface Outbox {
  /** Starts at once, or after the barriers before it. */
  send(operation: () => Promise<void>): void;
  /** Like `send`, and what is sent later waits for it. */
  barrier(operation: () => Promise<void>): void;
}

/** `onError` gets every rejection; it decides which ones matter. */
export function createOutbox(onError: (error: unknown) => void): Outbox {
  let gate: Promise<void> = Promise.resolve();
  let barriers = 0;
  const attempt = async (operation: () => Promise<void>): Promise<void> => {
    try {
      await operation();
    } catch (error) {
      onError(error);
    }
  };
  const after = async (before: Promise<void>, operation: () => Promise<void>): Promise<void> => {
    await before;
    await attempt(operation);
  };
  const pass = async (before: Promise<void>, operation: () => Promise<void>): Promise<void> => {
    await after(before, operation);
    barriers -= 1;
  };
  return {
    send(operation) {
      if (barriers === 0) void attempt(operation);
      else void after(gate, operation);
    },
    barrier(operation) {
      barriers += 1;
      gate = pass(gate, operation);
    },
  };
}
