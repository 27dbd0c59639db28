import { Command, Option } from 'commander';
import type { AnyCommand } from './command.js';
import * as definitions from './commands/definitions.js';
import { describeOption, exitCodeText, helpFooter } from './help.js';
import { type Host, version } from './host.js';
import { flagOf } from './options/table.js';

/** The five programs of the package. */
export type ProgramName = 'onko' | 'coordinator' | 'worker' | 'reducer' | 'cnn-infer';

type Run = (
  command: AnyCommand,
  flags: Readonly<Record<string, unknown>>,
  operands: string[],
) => Promise<void>;

/** Commander's view of a program; `run` is called with the raw flags of the command that was chosen. */
export function buildProgram(name: ProgramName, host: Host, run: Run): Command {
  const program = new Command(name)
    .version(version, '--version', 'show the version')
    .addHelpOption(new Option('-h, --help', 'show this help').helpGroup('Common:'))
    .exitOverride()
    .showHelpAfterError(`(\`${name} … --help\` lists the options)`)
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      outputError: (text, write) =>
        write(text.replace(/^error: (.)/, (_, first: string) => first.toUpperCase())),
      getOutHelpWidth: () => helpWidth(host.stdout),
      getErrHelpWidth: () => helpWidth(host.stderr),
    });
  const add = (parent: Command, words: string, command: AnyCommand): void => {
    define(parent.command(words), command, run);
  };
  const addDatasets = (dataset: Command): void => {
    add(dataset, 'demo', definitions.datasetDemo);
    add(dataset, 'preview', definitions.datasetPreview);
  };
  switch (name) {
    case 'onko':
      program.description(
        'Trains convolutional networks on Bengali handwritten digits, and classifies folders with them.',
      );
      add(program, 'train', definitions.train);
      add(program, 'infer', definitions.infer);
      add(program, 'serve', definitions.serve);
      add(program, 'calibrate', definitions.calibrateModel);
      add(program, 'export', definitions.exportModel);
      add(program, 'import', definitions.importModel);
      add(group(program, 'coordinator', 'a run over RabbitMQ'), 'start', definitions.coordinatorStart);
      add(group(program, 'worker', 'a worker of runs over RabbitMQ'), 'start', definitions.workerStart);
      add(
        group(program, 'reducer', 'sums gradients of runs over RabbitMQ'),
        'start',
        definitions.reducerStart,
      );
      addDatasets(group(program, 'dataset', 'data sets'));
      add(program, 'status', definitions.status);
      add(program, 'drain', definitions.drain);
      add(program, 'doctor', definitions.doctor);
      program.addHelpText('after', `\n\`onko COMMAND --help\` says more.\n\n${exitCodeText()}`);
      break;
    case 'coordinator':
      program.description('The coordinator of a run over RabbitMQ.');
      add(program, 'start', definitions.coordinatorStart);
      break;
    case 'worker':
      program.description('A worker of runs over RabbitMQ.');
      add(program, 'start', definitions.workerStart);
      break;
    case 'reducer':
      program.description('Sums gradients of runs over RabbitMQ.');
      add(program, 'start', definitions.reducerStart);
      break;
    case 'cnn-infer':
      define(program, definitions.infer, run);
      // A folder of this name is ./serve. What stands behind the word is of the word, though both have such options.
      program.enablePositionalOptions();
      add(program, 'serve', definitions.serve);
      break;
  }
  return program;
}

function group(program: Command, word: string, summary: string): Command {
  return program.command(word).description(summary).helpCommand(false);
}

function define(target: Command, command: AnyCommand, run: Run): void {
  target.description(command.description).summary(command.summary).allowExcessArguments(false);
  if (command.operand !== null) {
    const { name, describe, many = false } = command.operand;
    target.argument(many ? `<${name}...>` : `<${name}>`, describe);
  }
  for (const [key, row] of Object.entries(command.table)) {
    const flag = flagOf(key);
    const value = row.kind.placeholder === null ? '' : ` <${row.kind.placeholder}>`;
    const flags = row.short === null ? flag : `-${row.short}, ${flag}`;
    target.addOption(new Option(`${flags}${value}`, describeOption(key, row)).helpGroup(`${row.group}:`));
    if (value === '') target.addOption(new Option(`--no-${flag.slice(2)}`).hideHelp());
  }
  target.addHelpText('after', helpFooter(command));
  target.action(async () => run(command, target.opts(), target.args));
}

function helpWidth(stream: { columns?: number }): number {
  return Math.min(stream.columns ?? 110, 110);
}
