import { type LinkState, type Traffic } from './transport.js';

/** Those who want to hear of one kind of event. */
export interface Listeners<T> {
  add: (listener: (event: T) => void) => void;
  tell: (event: T) => void;
}

export function createListeners<T>(): Listeners<T> {
  const listeners: ((event: T) => void)[] = [];
  return {
    add: (listener) => void listeners.push(listener),
    tell: (event) => {
      for (const listener of listeners) listener(event);
    },
  };
}

/** What both kinds of link tell of themselves. */
export interface LinkEvents {
  state: Listeners<LinkState>;
  malformed: Listeners<string>;
  traffic: Listeners<Traffic>;
}

export function createLinkEvents(): LinkEvents {
  return { state: createListeners(), malformed: createListeners(), traffic: createListeners() };
}

/**
 * An error of a handler that has no verdict to give is a bug of ours: it ends the process visibly instead of being
 * swallowed inside the broker client.
 */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
