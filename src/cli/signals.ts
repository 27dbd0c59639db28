import { InterruptedError } from './errors.js';

export type StopSignal = 'SIGINT' | 'SIGTERM';

export interface Signals {
  /** Aborted by the first SIGINT or SIGTERM, with an InterruptedError as its reason. */
  readonly stop: AbortSignal;
  /** Which one it was; null while there was none. */
  received(): StopSignal | null;
  dispose(): void;
}

/** What this needs of the process. */
export interface SignalSource {
  on(signal: StopSignal, listener: () => void): unknown;
  off(signal: StopSignal, listener: () => void): unknown;
}

/** The first signal asks for an orderly end; the second one ends at once, with 130 (SIGINT) or 143 (SIGTERM). */
export function watchSignals(o: {
  source: SignalSource;
  exit: (code: 130 | 143) => void;
  onFirst: (signal: StopSignal) => void;
}): Signals {
  const controller = new AbortController();
  let received: StopSignal | null = null;
  const take = (signal: StopSignal) => (): void => {
    if (received !== null) {
      o.exit(signal === 'SIGINT' ? 130 : 143);
      return;
    }
    received = signal;
    o.onFirst(signal);
    controller.abort(new InterruptedError(signal));
  };
  const listeners = { SIGINT: take('SIGINT'), SIGTERM: take('SIGTERM') };
  o.source.on('SIGINT', listeners.SIGINT);
  o.source.on('SIGTERM', listeners.SIGTERM);
  return {
    stop: controller.signal,
    received: () => received,
    dispose() {
      o.source.off('SIGINT', listeners.SIGINT);
      o.source.off('SIGTERM', listeners.SIGTERM);
    },
  };
}
