import { describe, expect, it } from 'vitest';
import { newestOnly } from '../../src/coordinator/newest-only.js';

/** What was sent, and how to say that the oldest of it has arrived. */
function postOffice() {
  const sent: number[] = [];
  const onTheWay: { arrive: () => void; fail: (error: Error) => void }[] = [];
  const send = newestOnly<number>((value) => {
    sent.push(value);
    return new Promise((arrive, fail) => onTheWay.push({ arrive, fail }));
  });
  return { sent, send, oldest: () => onTheWay.shift() };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('sending the newest only', () => {
  it('sends one at a time, and of what comes meanwhile the last', async () => {
    const { sent, send, oldest } = postOffice();
    const first = send(1);
    await Promise.all([send(2), send(3)]);
    expect(sent).toEqual([1]);
    oldest()?.arrive();
    await settled();
    expect(sent).toEqual([1, 3]);
    oldest()?.arrive();
    await first;
    const next = send(4);
    expect(sent).toEqual([1, 3, 4]);
    oldest()?.arrive();
    await next;
  });

  it('tells of a failure, and begins anew', async () => {
    const { sent, send, oldest } = postOffice();
    const first = send(1);
    await send(2);
    oldest()?.fail(new Error('away'));
    await expect(first).rejects.toThrow('away');
    void send(3);
    expect(sent).toEqual([1, 3]);
  });
});
