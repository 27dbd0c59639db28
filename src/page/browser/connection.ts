import type { PageState } from '../state.js';

export type LinkState =
  | { type: 'up'; again: boolean }
  | { type: 'lost' }
  /** The coordinator has said that it ends: nobody is to blame. */
  | { type: 'over' };

/** Without any sign of life for so long, the other side is gone, whatever the socket says. */
const silentMs = 12_000;
const retryMs = 1500;

/**
 * Listens to `/events`, and goes on trying for ever. A first message replaces all that is known, the later ones some sections of it.
 */
export function connect(o: {
  onState(state: Partial<PageState>): void;
  onLink(link: LinkState): void;
}): void {
  let state: Partial<PageState> = {};
  let isOver = false;
  let wasUp = false;
  let isLost = false;

  const open = (): void => {
    const source = new EventSource('events');
    let heardMs = Date.now();
    const watch = setInterval(() => {
      if (Date.now() - heardMs > silentMs) again();
    }, 1000);
    const again = (): void => {
      clearInterval(watch);
      source.close();
      if (!isLost && !isOver) o.onLink({ type: 'lost' });
      isLost = true;
      setTimeout(open, retryMs);
    };
    const take = (event: MessageEvent<string>, whole: boolean): void => {
      heardMs = Date.now();
      const patch: Partial<PageState> = JSON.parse(event.data);
      state = whole ? patch : { ...state, ...patch };
      if (whole) {
        o.onLink({ type: 'up', again: wasUp });
        wasUp = true;
        isOver = false;
        isLost = false;
      }
      o.onState(state);
    };
    source.addEventListener('snapshot', (event) => take(event, true));
    source.addEventListener('update', (event) => take(event, false));
    source.addEventListener('beat', () => {
      heardMs = Date.now();
    });
    source.addEventListener('goodbye', () => {
      isOver = true;
      o.onLink({ type: 'over' });
      again();
    });
    source.addEventListener('error', again);
  };
  open();
}
