import type { connect } from 'amqplib';
import type { Random } from '../../src/engine/index.js';
import type { Log } from '../../src/metrics/index.js';
import { createRabbitTransport, type Transport } from '../../src/transport/index.js';
import type { SimProcess, VirtualClock } from './clock.js';
import type { SimNetwork } from './network.js';
import { standsFor } from './stand-in.js';

/** The true transport of a simulated process: network, time and chance are the simulator's. */
export function openSimTransport(o: {
  process: SimProcess;
  clock: VirtualClock;
  network: SimNetwork;
  /** AMQP's. */
  heartbeatMs: number;
  random: Random;
  log: Log;
}): Promise<Transport> {
  const { process, clock, network, heartbeatMs, random, log } = o;
  const open = () => network.connect(process, heartbeatMs);
  standsFor<typeof connect>(open);
  return createRabbitTransport({
    url: 'amqp://broker',
    connect: open,
    timers: process.timers,
    now: () => clock.nowMs,
    random: () => random.float(),
    heartbeatMs,
    log,
  });
}
