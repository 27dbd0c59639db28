import type { Counter, Registry } from 'prom-client';
import { metricsIn } from './registry.js';

/** What a link to the broker tells of itself, on the page of the process that has it. */
export interface LinkMetrics {
  /** Each change of the link's state, by its type. */
  state(type: 'up' | 'down' | 'blocked' | 'unblocked' | 'lost' | 'run_gone'): void;
  traffic(message: { direction: 'in' | 'out'; type: string; sizeBytes: number }): void;
  delivered(message: { redelivered: boolean }): void;
  malformed(): void;
  /** Times that the link was up again. */
  reconnects(): number;
}

/** The link is up when this is made. `now`: milliseconds. */
export function createLinkMetrics(registry: Registry, now: () => number): LinkMetrics {
  const { counter, gauge } = metricsIn(registry);
  let blockedSinceMs: number | null = null;
  let isUp = true;
  let reconnected = 0;
  const addBlocked = (seconds: Counter): void => {
    if (blockedSinceMs === null) return;
    const nowMs = now();
    seconds.inc((nowMs - blockedSinceMs) / 1000);
    blockedSinceMs = nowMs;
  };
  const up = gauge('onko_link_up', '1 while the broker can be reached.');
  const blocked: Counter = counter(
    'onko_broker_blocked_seconds_total',
    'Time in which the broker took no messages, for want of memory or disk.',
    [],
    // Up to this moment, so that a block that lasts is seen while it does.
    () => addBlocked(blocked),
  );
  const reconnects = counter('onko_reconnects_total', 'Times that the connection to the broker came back.');
  const bytes = counter('onko_bytes_total', 'Bytes of messages, by direction and type.', [
    'direction',
    'type',
  ]);
  const redeliveries = counter(
    'onko_redeliveries_total',
    'Messages to this process that had been delivered before.',
  );
  const unreadable = counter('onko_malformed_messages_total', 'Messages that could not be read.');
  up.set(1);
  return {
    state(type) {
      if (type === 'run_gone') return;
      addBlocked(blocked);
      if (type === 'blocked') blockedSinceMs ??= now();
      // Not by coming up: a broker may say that it is short of memory before everything is declared.
      else if (type !== 'up') blockedSinceMs = null;
      const isUpNow = type !== 'down' && type !== 'lost' && (isUp || type === 'up');
      if (isUpNow && !isUp) {
        reconnected += 1;
        reconnects.inc();
      }
      isUp = isUpNow;
      up.set(isUp ? 1 : 0);
    },
    traffic: ({ direction, type, sizeBytes }) => bytes.inc({ direction, type }, sizeBytes),
    delivered({ redelivered }) {
      if (redelivered) redeliveries.inc();
    },
    malformed: () => unreadable.inc(),
    reconnects: () => reconnected,
  };
}
