import type { Timers } from '../transport/index.js';

/** Work that may wait for a moment in which everybody else has something to do, done in its order. */
export interface PutOff {
  add(work: () => void): void;
  /** Does all that waits, now. */
  catchUp(): void;
}

/** Catches up by itself as soon as the event loop comes around. `onError` gets what the work throws there. */
export function createPutOff(timers: Timers, onError: (error: unknown) => void): PutOff {
  let waiting: (() => void)[] = [];
  let isCalled = false;
  const catchUp = (): void => {
    const due = waiting;
    waiting = [];
    for (const work of due) work();
  };
  const onTime = (): void => {
    isCalled = false;
    try {
      catchUp();
    } catch (error) {
      onError(error);
    }
  };
  return {
    add(work) {
      waiting.push(work);
      if (!isCalled) timers.after(0, onTime);
      isCalled = true;
    },
    catchUp,
  };
}
