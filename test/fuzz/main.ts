import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { chance } from './chance.js';
import { FuzzFailure, type FuzzFigures, fuzz, type Target } from './target.js';
import { allTargets } from './targets.js';

const usage = `npm run fuzz -- [--messages N] [--files N] [--seed S] [--target NAME]
  N damaged messages (100,000), and N (10,000) of each other kind: gradients of topk, model files, specs, label files, images
npm run fuzz -- --target NAME --seed S --only I       one input once more`;

interface Command {
  messages: number;
  files: number;
  seed: number;
  target: string | null;
  only: number | null;
}

function parse(argv: string[]): Command {
  const text = { type: 'string' } as const;
  const options = { messages: text, files: text, seed: text, target: text, only: text };
  const { values } = parseArgs({ args: argv, options });
  const whole = (name: 'messages' | 'files' | 'seed' | 'only', otherwise: number): number => {
    const value = Number(values[name] ?? otherwise);
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name} wants a whole number.`);
    return value;
  };
  return {
    messages: whole('messages', 100_000),
    files: whole('files', 10_000),
    seed: whole('seed', randomInt(2 ** 31)),
    target: values.target ?? null,
    only: values.only === undefined ? null : whole('only', 0),
  };
}

const inMiB = (kibibytes: number): string => `${Math.round(kibibytes / 1024)} MiB`;

function line({ target, inputs, accepted, refused, seconds, slowestMs }: FuzzFigures): string {
  const share = inputs === 0 ? 0 : (100 * accepted) / inputs;
  return `${target}: ${inputs} inputs, ${accepted} read (${share.toFixed(1)} %), ${refused} refused, in ${seconds.toFixed(1)} s; the slowest took ${slowestMs.toFixed(0)} ms`;
}

async function main(): Promise<number> {
  let command: Command;
  let targets: Target[];
  try {
    command = parse(process.argv.slice(2));
    const all = await allTargets();
    targets = all.filter(({ name }) => command.target === null || name === command.target);
    if (targets.length === 0)
      throw new RangeError(`--target wants one of: ${all.map(({ name }) => name).join(', ')}`);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  const { seed, only, messages, files } = command;
  // To note where each refusal comes from takes longer than to refuse; of a single input one wants to know.
  if (only === null) Error.stackTraceLimit = 0;
  console.log(`seed ${seed}; ${inMiB(process.resourceUsage().maxRSS)} resident before`);
  for (const target of targets) {
    const inputs = target.name === 'messages' ? messages : files;
    try {
      const range = only === null ? { from: 0, inputs } : { from: only, inputs: 1 };
      console.log(line(await fuzz(target, { seed, chance, ...range })));
      console.log(`  highest resident memory so far: ${inMiB(process.resourceUsage().maxRSS)}`);
    } catch (error) {
      if (!(error instanceof FuzzFailure)) throw error;
      console.error(error.message, error.cause ?? '');
      return 1;
    }
  }
  return 0;
}

process.exitCode = await main();
