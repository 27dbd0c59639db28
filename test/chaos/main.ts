import { randomInt } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { endPrograms } from '../support/start-program.js';
import { type ChaosOutcome, perform } from './perform.js';
import { drawSchedule, fullExtent } from './schedule.js';
import { openStage } from './stage.js';

const usage = `npm run chaos -- [--schedules N] [--seed S] [--delay D] [--verbose]
  N schedules (20) of the seeds S, S + 1, … (drawn), on a RabbitMQ of their own; --delay: of the run (0);
  --verbose shows what happens when`;

interface Command {
  schedules: number;
  seed: number;
  delay: number;
  verbose: boolean;
}

function parse(argv: string[]): Command {
  const options = {
    schedules: { type: 'string' },
    seed: { type: 'string' },
    delay: { type: 'string' },
    verbose: { type: 'boolean' },
  } as const;
  const { values } = parseArgs({ args: argv, options });
  const whole = (name: 'schedules' | 'seed' | 'delay', otherwise: number): number => {
    const value = Number(values[name] ?? otherwise);
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name} wants a whole number.`);
    return value;
  };
  return {
    schedules: whole('schedules', 20),
    seed: whole('seed', randomInt(1_000_000)),
    delay: whole('delay', 0),
    verbose: values.verbose ?? false,
  };
}

/** Where the logs of a schedule that failed are. */
async function keepLogs({ seed, timeline, logs }: ChaosOutcome): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `onko-chaos-${seed}-`));
  await writeFile(join(folder, 'timeline.txt'), `${timeline.join('\n')}\n`);
  for (const { name, text } of logs) await writeFile(join(folder, `${name}.log`), text);
  return folder;
}

async function main(): Promise<number> {
  let command: Command;
  try {
    command = parse(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  const { schedules, seed, delay, verbose } = command;
  const startMs = performance.now();
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      interrupted.abort();
      console.log(`${signal}: cleaning up`);
      // What is being performed falls over, and is cleared away on the way out.
      void endPrograms();
    });
  }
  const stage = await openStage({ steps: fullExtent.steps, delay, signal: interrupted.signal }).catch(
    (error: unknown) => {
      if (interrupted.signal.aborted) return null;
      throw error;
    },
  );
  if (stage === null) return 130;
  const failed: number[] = [];
  const sums = { played: 0, acts: 0, starts: 0 };
  try {
    const { quiet, whyProxies } = stage;
    console.log(`The quiet run's model: ${quiet}`);
    console.log(
      whyProxies === null
        ? 'Links: network namespaces for workers, a TCP proxy for the coordinator.'
        : `Links: TCP proxies, for want of network namespaces (${whyProxies}).`,
    );
    for (let at = seed; at < seed + schedules && !interrupted.signal.aborted; at++) {
      const outcome = await perform(drawSchedule(at), stage, verbose ? console.log : undefined);
      if (interrupted.signal.aborted) break;
      const { failure, performed, coordinatorStarts, seconds } = outcome;
      sums.played += 1;
      sums.acts += performed;
      sums.starts += coordinatorStarts;
      console.log(
        `seed ${at}: ${failure === null ? 'the same bits' : 'FAILED'} after ${performed} acts, ${coordinatorStarts} starts of the coordinator, ${seconds.toFixed(1)} s`,
      );
      if (failure === null) continue;
      failed.push(at);
      if (!verbose) console.log(outcome.timeline.join('\n'));
      console.log(`Logs: ${await keepLogs(outcome)}`);
      console.log(
        `Once more: npm run chaos -- --schedules 1 --seed ${at}${delay === 0 ? '' : ` --delay ${delay}`} --verbose`,
      );
    }
  } finally {
    await stage.close();
  }
  const seconds = (performance.now() - startMs) / 1000;
  console.log(
    `${sums.played} schedules, ${failed.length} failed, in ${seconds.toFixed(0)} s: ${sums.acts} acts, ${sums.starts} starts of a coordinator.`,
  );
  if (interrupted.signal.aborted) return 130;
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
