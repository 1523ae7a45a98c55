// host/cli/program.ts — the command `pelton`: which commands there are, and what a wrong call is answered with.
//
// A command is a line of COMMANDS. Its module is loaded when it is called for, so that `pelton --help` loads none.

import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CliError, shownError } from './cli-error.ts';
import { EXIT_OK, EXIT_USAGE, exitCodesText } from './exit-codes.ts';
import { say, sayError } from './terminal.ts';

/** A command's action says its exit code. */
export type Finish = (exitCode: number) => void;

interface CommandEntry {
  name: string;
  summary: string;
  load: () => Promise<{ command: (finish: Finish) => Command }>;
}

const COMMANDS: readonly CommandEntry[] = [
  { name: 'run', summary: 'run a job', load: () => import('./run.ts') },
  { name: 'explain', summary: 'show what a job becomes, without running it', load: () => import('./explain.ts') },
  { name: 'send', summary: 'send rows of a file or of standard input to a stream', load: () => import('./send.ts') },
  { name: 'tail', summary: 'print the results of a sink as they come', load: () => import('./tail.ts') },
  {
    name: 'checkpoint',
    summary: 'have a running engine write its state down now',
    load: () => import('./checkpoint.ts'),
  },
  { name: 'inspect', summary: 'show what is in a data directory', load: () => import('./inspect.ts') },
  { name: 'repair', summary: 'go on with a damaged log, without what is damaged', load: () => import('./repair.ts') },
  { name: 'quickstart', summary: 'replay a million real flights, and stay up', load: () => import('./quickstart.ts') },
];

/** @returns the exit code; never throws what a user could mend */
export async function runProgram(args: readonly string[]): Promise<number> {
  let exitCode = EXIT_OK;
  const finish: Finish = (code) => {
    exitCode = code;
  };
  const program = await programFor(args, finish);
  const called = args.find((arg) => COMMANDS.some(({ name }) => name === arg)) ?? '';
  if (args.length === 0) {
    say(program.helpInformation());
    return EXIT_USAGE;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    // The command's first argument is what it is about; see clientFailure.
    const shown = shownError(error, firstArgument(args, called));
    if (shown === undefined) throw error;
    sayError(called, shown);
    return shown.exitCode;
  }
}

async function programFor(args: readonly string[], finish: Finish): Promise<Command> {
  const program = new Command('pelton')
    .description('keyed event-time windows over high-rate streams')
    .version(versionText(), '-V, --version', 'print the version')
    .helpCommand('help [command]', 'show how a command is called')
    .addHelpText('after', exitCodesText());
  for (const { name, summary, load } of COMMANDS) {
    const isCalled = args.includes(name);
    const command = isCalled ? (await load()).command(finish) : new Command(name).description(summary);
    program.addCommand(command.summary(summary));
  }
  for (const command of [program, ...program.commands])
    answerMistakes(command, command === program ? '' : command.name());
  return program;
}

/** One line that says what is wrong, one that says where to look. */
function answerMistakes(command: Command, name: string): void {
  command.exitOverride();
  command.configureOutput({
    outputError: (text) => {
      const message = text
        .replace(/^error: /, '')
        .trim()
        .replace(/\s*\n\s*/g, ' ');
      const help = `«pelton ${name === '' ? '' : `${name} `}--help» shows how it is called`;
      sayError(name, new CliError(EXIT_USAGE, message, help));
    },
  });
}

function firstArgument(args: readonly string[], called: string): string {
  return args.slice(args.indexOf(called) + 1).find((arg) => !arg.startsWith('-')) ?? '';
}

function versionText(): string {
  const manifest = [new URL('../../package.json', import.meta.url), new URL('../../../package.json', import.meta.url)];
  for (const file of manifest) {
    try {
      return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
    } catch {
      // Sources stand two folders below it, the built package three.
    }
  }
  return 'unknown';
}
