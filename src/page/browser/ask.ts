/** What `/classify` answers. */
export interface Answer {
  digit: string;
  confidence: number;
  /** Every class, most probable first. */
  top: { digit: string; confidence: number }[];
  /** A data: URL. */
  picture: string;
}

/** Keeps the answer up with a drawing: one question at a time, the next with what is there by then. */
export interface Asker {
  /** Something is other than it was. */
  changed(): void;
}

/**
 * @param o.picture null: there is nothing to ask about
 * @param o.onAnswer null: there is nothing any more
 */
export function createAsker(o: {
  url: () => string;
  picture: () => Promise<Blob | null>;
  isEmpty: () => boolean;
  onAnswer: (answer: Answer | null) => void;
  onTrouble: (text: string | null) => void;
}): Asker {
  let isAsking = false;
  let isOld = false;

  const ask = async (): Promise<void> => {
    const picture = await o.picture();
    if (picture === null) {
      o.onTrouble(null);
      o.onAnswer(null);
      return;
    }
    const response = await fetch(o.url(), {
      method: 'POST',
      body: picture,
      headers: { 'content-type': picture.type || 'application/octet-stream' },
    });
    const told: Answer | { error: string } = await response.json();
    if (o.isEmpty()) return;
    if ('error' in told) {
      o.onAnswer(null);
      o.onTrouble(told.error);
      return;
    }
    o.onTrouble(null);
    o.onAnswer(told);
  };

  const askUntilNew = async (): Promise<void> => {
    isAsking = true;
    while (isOld) {
      isOld = false;
      try {
        await ask();
      } catch {
        o.onAnswer(null);
        o.onTrouble('The server does not answer. Is it still running? The next stroke asks again.');
      }
    }
    isAsking = false;
  };
  return {
    changed() {
      isOld = true;
      if (!isAsking) void askUntilNew();
    },
  };
}
