// A cluster whose workers compute nothing: the real coordinator, a real broker, and as many simulated workers as wanted in a few
// processes. It grows, and says what a step takes: by the clock, of each process's processor time, and in memory. Linux only.
import { execFileSync, fork, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { median } from '../measure.mjs';
import { workspace } from '../programs.mjs';
import { processorSecondsOf } from '../running.mjs';

const version = 'bench';
/** Workers of a cluster share so many processes. */
const processes = 2;
/** Before the clock starts: connections, compiled code. */
const warmUpMs = 400;
const joiningPauseMs = 300;
const patienceMs = 120_000;
let clusters = 0;

const path = (file) => fileURLToPath(new URL(file, import.meta.url));

/** The next message of a child; an error if it ends instead, or says nothing. */
const told = (child, name) =>
  new Promise((resolve, reject) => {
    const settle = (how, value) => {
      clearTimeout(timer);
      child.off('exit', ended);
      child.off('message', heard);
      how(value);
    };
    const ended = (code, signal) =>
      settle(reject, new Error(`The ${name} of the cluster ended with ${signal ?? code}.`));
    const heard = (message) => settle(resolve, message);
    const silent = () =>
      settle(reject, new Error(`The ${name} of the cluster did not answer within ${patienceMs / 1000} s.`));
    const timer = setTimeout(silent, patienceMs);
    child.once('exit', ended);
    child.once('message', heard);
  });
const ask = (child, name, message) => {
  const answer = told(child, name);
  child.send(message);
  return answer;
};

const residentMiB = (pid) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

/**
 * @param {{ broker: { url: string, pid: number | null }, model: object, microshards: number, links?: object[] }} options `model`: a
 *   model spec; `links`: of ../shaped-links.mjs, a process of workers behind each; absent: workers beside the broker
 */
export async function startCluster({ broker, model, microshards, links }) {
  clusters += 1;
  const name = `scale-${process.pid}-${clusters}`;
  const folder = `${workspace}/${name}`;
  const settings = { broker: broker.url, name, model, microshards, folder, version };
  const coordinator = fork(path('./coordinator.mjs'), [JSON.stringify(settings)]);
  const places =
    links?.map(({ namespace, broker: url }) => ({ within: ['ip', 'netns', 'exec', namespace], url })) ??
    Array.from({ length: processes }, () => ({ within: [], url: broker.url }));
  const startWorkers = ({ within, url }) => {
    const given = JSON.stringify({ broker: url, run: name, version });
    const [command, ...rest] = [...within, process.execPath, path('./workers.mjs'), given];
    return spawn(command, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  };
  const hosts = places.map(startWorkers);
  const children = [coordinator, ...hosts];
  let count = 0;

  /** Once all workers take part, at the end of a step. */
  const look = async () => {
    const { steps, stepsMs, processorMs } = await ask(coordinator, 'coordinator', { workers: count });
    return {
      steps,
      stepsMs,
      coordinator: processorMs,
      broker: broker.pid === null ? Number.NaN : 1000 * processorSecondsOf(broker.pid),
      workers: hosts.reduce((sum, { pid }) => sum + 1000 * processorSecondsOf(pid), 0),
    };
  };

  const pause = (pauseMs) => Promise.all(hosts.map((host) => ask(host, 'workers', { pauseMs })));

  await Promise.all(children.map((child) => told(child, 'beginning')));
  return {
    async growTo(workers) {
      // While some join the others need not be at their fastest.
      await pause(joiningPauseMs);
      const names = Array.from({ length: workers - count }, (_, i) => `${name}-worker-${count + i + 1}`);
      await Promise.all(
        hosts.map((host, h) =>
          ask(host, 'workers', { add: names.filter((_, i) => (count + i) % hosts.length === h) }),
        ),
      );
      count = workers;
      await pause(0);
    },
    /** From when its weights are there until a worker sends its gradient. */
    pause,
    /** All processes on so many of this machine's processors; null: on all of them again. */
    confine(cores) {
      const all = execFileSync('nproc', ['--all'], { encoding: 'utf8' }).trim();
      for (const pid of [broker.pid, ...children.map((child) => child.pid)])
        execFileSync('taskset', ['-acp', `0-${(cores ?? all) - 1}`, String(pid)], { stdio: 'ignore' });
    },
    /**
     * Of at least `leastSteps` steps and `leastMs` of time. Milliseconds per step, of the clock (the median) and of processor time (the
     * mean); MiB.
     */
    async measure({ leastMs, leastSteps }) {
      await look();
      await sleep(warmUpMs);
      const before = await look();
      await sleep(leastMs);
      let after = await look();
      const stepsMs = [...after.stepsMs];
      while (after.steps - before.steps < leastSteps) {
        after = await look();
        stepsMs.push(...after.stepsMs);
      }
      const steps = after.steps - before.steps;
      const of = (what) => (after[what] - before[what]) / steps;
      return {
        steps,
        stepMs: median(stepsMs),
        coordinatorMs: of('coordinator'),
        brokerMs: of('broker'),
        workersMs: of('workers'),
        coordinatorMiB: residentMiB(coordinator.pid),
        brokerMiB: broker.pid === null ? Number.NaN : residentMiB(broker.pid),
      };
    },
    async close() {
      const running = children.filter((child) => child.exitCode === null && child.signalCode === null);
      const ended = running.map((child) => new Promise((done) => child.once('exit', done)));
      for (const child of children) if (child.connected) child.disconnect();
      await Promise.all(ended);
    },
  };
}
