// Links of true bandwidth on one machine: a network namespace for each worker, joined to the rest by a pair of virtual cards whose both
// ends the kernel holds to a rate (tc, token bucket). Linux, root, iproute2.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';

const run = (...command) => execFileSync(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });

/** What a link lets through at once after it had nothing to do: of `bucketMs` of its rate, and one packet of the kernel's at least. */
export const bucketBytes = (rateBits, bucketMs) =>
  Math.max(65_536, Math.round((rateBits / 8) * (bucketMs / 1000)));

/** What queues longer than 200 ms is dropped. */
function shape(rateBits, bucketMs, device, within = []) {
  const burst = String(bucketBytes(rateBits, bucketMs));
  const bucket = ['tbf', 'rate', `${rateBits}bit`, 'burst', burst, 'latency', '200ms'];
  run(...within, 'tc', 'qdisc', 'add', 'dev', device, 'root', ...bucket);
}

/** Networks for measuring (RFC 2544), by process, so that two measurements at once do not get into one another's way. */
const networkOf = (i) => ({
  host: `198.18.${process.pid % 256}.${4 * i + 1}`,
  guest: `198.18.${process.pid % 256}.${4 * i + 2}`,
});

/**
 * @param count of namespaces, up to 64
 * @param rateBits bits per second in each direction of each link; null: as fast as the machine
 * @param broker amqp://… on 127.0.0.1
 * @param bucketMs so that the bucket holds more than a timer of the kernel lets through at once
 */
export async function shapedLinks(count, rateBits, broker, bucketMs = 20) {
  const links = Array.from({ length: count }, (_, i) => {
    const name = `onko-${process.pid}-${i}`;
    const [outer, inner] = [`ob${process.pid % 10_000}x${i}`, `ow${process.pid % 10_000}x${i}`];
    return { name, outer, inner, ...networkOf(i) };
  });
  const servers = [];
  const close = () => {
    for (const server of servers) server.close();
    for (const { name, outer } of links) {
      for (const command of [
        ['ip', 'link', 'del', outer],
        ['ip', 'netns', 'del', name],
      ]) {
        try {
          run(...command);
        } catch {
          // It was never made, or is gone.
        }
      }
    }
  };
  process.once('exit', close);
  try {
    const target = new URL(broker);
    for (const { name, outer, inner, host, guest } of links) {
      const within = ['ip', 'netns', 'exec', name];
      run('ip', 'netns', 'add', name);
      run('ip', 'link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', name);
      run('ip', 'addr', 'add', `${host}/30`, 'dev', outer);
      run('ip', 'link', 'set', outer, 'up');
      run(...within, 'ip', 'addr', 'add', `${guest}/30`, 'dev', inner);
      run(...within, 'ip', 'link', 'set', inner, 'up');
      run(...within, 'ip', 'link', 'set', 'lo', 'up');
      if (rateBits !== null) {
        shape(rateBits, bucketMs, outer);
        shape(rateBits, bucketMs, inner, within);
      }
      servers.push(await forward(host, Number(target.port || 5672)));
    }
    return links.map(({ name, outer, host }, i) => {
      const url = new URL(broker);
      url.hostname = host;
      url.port = String(servers[i].address().port);
      const counted = (which) =>
        Number(readFileSync(`/sys/class/net/${outer}/statistics/${which}_bytes`, 'utf8'));
      return {
        namespace: name,
        broker: url.href,
        /** Both directions, with everything that TCP adds. */
        bytes: () => counted('rx') + counted('tx'),
        close,
      };
    });
  } catch (error) {
    close();
    throw error;
  }
}

/** A broker listens on 127.0.0.1: what comes to the card is handed on. */
async function forward(host, port) {
  const server = createServer((socket) => {
    const onward = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.setNoDelay(true);
    for (const [from, to] of [
      [socket, onward],
      [onward, socket],
    ]) {
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  return server;
}
