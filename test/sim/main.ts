import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { mutants } from './mutants.js';
import { always, type Mutation, unchanged } from './mutation.js';
import { isOption, optionNames } from './options.js';
import { type Outcome, simulate } from './simulate.js';

/** Seeds that a process takes at a time. */
const portion = 20;
/** Portions after which a process is replaced by a new one: what many schedules leave behind grows to gigabytes. */
const portionsPerProcess = 25;
/** Lines of a timeline that a failing seed among many is shown with. */
const shownLines = 40;
/** Failing seeds that are shown so. */
const shownSeeds = 3;

const usage = `npm run sim -- --seeds N [--from S] [--jobs J]   N schedules, from seed S on (1), in J processes (2)
npm run sim -- --seed S [--mutant NAME]          one schedule, with its timeline; NAME: one of the planted bugs
                  [--option NAME]                either, in runs that all have this one: ${optionNames.join(', ')}`;

interface Command {
  seeds: number;
  from: number;
  jobs: number;
  seed: number | null;
  mutant: string | null;
  /** '' for what the seeds draw. */
  option: string;
}

/** The true rules in runs with an option; '' for what the seeds draw. */
const rulesWith = (option: string): Mutation => (isOption(option) ? always(option) : unchanged);

function parse(argv: string[]): Command {
  const text = { type: 'string' } as const;
  const options = { seeds: text, from: text, jobs: text, seed: text, mutant: text, option: text };
  const { values } = parseArgs({ args: argv, options });
  const whole = (name: 'seeds' | 'from' | 'jobs' | 'seed', otherwise: number): number => {
    const value = Number(values[name] ?? otherwise);
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name} wants a whole number.`);
    return value;
  };
  const { mutant, option = '' } = values;
  if (mutant !== undefined && !mutants.some(({ name }) => name === mutant))
    throw new RangeError(`--mutant wants one of: ${mutants.map(({ name }) => name).join('; ')}`);
  if (option !== '' && !isOption(option))
    throw new RangeError(`--option wants one of: ${optionNames.join(', ')}`);
  return {
    seeds: whole('seeds', 200),
    from: whole('from', 1),
    jobs: Math.max(1, whole('jobs', 2)),
    seed: values.seed === undefined ? null : whole('seed', 0),
    mutant: mutant ?? null,
    option,
  };
}

async function playOne(seed: number, mutant: string | null, option: string): Promise<boolean> {
  const mutation = mutants.find(({ name }) => name === mutant) ?? rulesWith(option);
  const { timeline, violation, ...figures } = await simulate(seed, mutation, true);
  console.log(timeline.join('\n'));
  console.log(JSON.stringify(figures));
  console.log(violation === null ? `Seed ${seed}: everything held.` : describe(seed, violation));
  return violation === null;
}

const describe = (seed: number, { invariant, what, atMs }: NonNullable<Outcome['violation']>): string =>
  `Seed ${seed} breaks "${invariant}" at t=${(atMs / 1000).toFixed(3)} s: ${what}.`;

/** Plays all seeds in child processes, each of which asks for more when it is done with its portion. */
async function playAll({ seeds, from, jobs, option }: Command): Promise<boolean> {
  const startMs = performance.now();
  const end = from + seeds;
  const failed: Outcome[] = [];
  const sums = {
    played: 0,
    virtualMs: 0,
    events: 0,
    accepted: 0,
    redispatched: 0,
    rejected: 0,
    starts: 0,
    cpuMs: 0,
  };
  const waits = { calm: 0, damaged: 0 };
  let next = from;

  const take = (outcome: Outcome): void => {
    sums.played += 1;
    sums.virtualMs += outcome.virtualMs;
    sums.events += outcome.events;
    sums.accepted += outcome.accepted;
    sums.redispatched += outcome.redispatched;
    sums.rejected += outcome.rejected;
    sums.starts += outcome.coordinatorStarts;
    waits.calm = Math.max(waits.calm, outcome.longestWaitMs.calm);
    waits.damaged = Math.max(waits.damaged, outcome.longestWaitMs.damaged);
    if (outcome.violation === null) return;
    failed.push(outcome);
    console.log(describe(outcome.seed, outcome.violation));
    if (failed.length <= shownSeeds) console.log(outcome.timeline.slice(-shownLines).join('\n'));
    const again = option === '' ? '' : ` --option ${option}`;
    console.log(`Replay it with: npm run sim -- --seed ${outcome.seed}${again}`);
  };

  const serve = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(process.argv[1], ['--child', option], { serialization: 'advanced' });
      let portions = 0;
      const hand = (): void => {
        const count = portions++ < portionsPerProcess ? Math.min(portion, end - next) : 0;
        child.send({ from: next, count });
        next += count;
      };
      child.on('message', (message: { outcomes: Outcome[]; cpuMs: number }) => {
        sums.cpuMs += message.cpuMs;
        for (const outcome of message.outcomes) take(outcome);
        hand();
      });
      child.on('error', reject);
      child.on('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`A process of the simulator ended with ${code}.`)),
      );
      hand();
    });

  const serveOn = async (): Promise<void> => {
    await serve();
    if (next < end) await serveOn();
  };
  await Promise.all(Array.from({ length: jobs }, serveOn));
  const seconds = (performance.now() - startMs) / 1000;
  const hours = sums.virtualMs / 3_600_000;
  console.log(
    `${sums.played} schedules, ${failed.length} failed, in ${seconds.toFixed(1)} s (${(sums.cpuMs / 1000).toFixed(1)} s of CPU): ` +
      `${hours.toFixed(1)} virtual hours, ${sums.events} events, ${sums.starts} starts of a coordinator, ${sums.accepted} blocks accepted, ` +
      `${sums.redispatched} sent again, ${sums.rejected} results rejected. Longest wait while everybody was there: ` +
      `${(waits.calm / 1000).toFixed(0)} s, and ${(waits.damaged / 1000).toFixed(0)} s after damaged messages.`,
  );
  return failed.length === 0;
}

/** In a child process: plays what it is handed until there is nothing left. */
function answer(): void {
  process.on('message', (message: { from: number; count: number }) => {
    if (message.count === 0) process.exit(0);
    void playPortion(message);
  });
}

async function playPortion({ from, count }: { from: number; count: number }): Promise<void> {
  const rules = rulesWith(process.argv.at(-1) ?? '');
  const before = process.cpuUsage();
  const outcomes: Outcome[] = [];
  for (let seed = from; seed < from + count; seed++) {
    const outcome = await simulate(seed, rules);
    // The same again, with its timeline.
    outcomes.push(outcome.violation === null ? outcome : await simulate(seed, rules, true));
  }
  const { user, system } = process.cpuUsage(before);
  process.send?.({ outcomes, cpuMs: (user + system) / 1000 });
}

async function main(): Promise<void> {
  if (process.argv.includes('--child')) return answer();
  let command: Command;
  try {
    command = parse(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const { seed, mutant, option } = command;
  const held = seed === null ? await playAll(command) : await playOne(seed, mutant, option);
  if (!held) process.exitCode = 1;
}

await main();
