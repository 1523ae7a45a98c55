// host/cli/checkpoint.ts — pelton checkpoint [NAME]: asks a running engine for a checkpoint, or a named savepoint.

import { Command } from 'commander';
import { engineAddress } from '../client/address.ts';
import { CliError } from './cli-error.ts';
import { EXIT_ENGINE, EXIT_OK, EXIT_UNAVAILABLE } from './exit-codes.ts';
import { urlOption } from './option.ts';
import type { Finish } from './program.ts';
import { say } from './terminal.ts';

interface CheckpointOptions {
  url: string;
  json?: boolean;
}

export function command(finish: Finish): Command {
  return new Command('checkpoint')
    .argument('[name]', 'makes it a savepoint of this name, which is kept')
    .description('Have a running engine write its state down now; ends when that counts.')
    .addOption(urlOption())
    .option('--json', 'the answer as one JSON line on standard output')
    .action(async (name: string | undefined, options: CheckpointOptions) => finish(await checkpoint(name, options)));
}

async function checkpoint(name: string | undefined, { url, json }: CheckpointOptions): Promise<number> {
  const query = name === undefined ? '' : `?name=${encodeURIComponent(name)}`;
  const address = `${engineAddress(url).http}/v1/checkpoints${query}`;
  const response = await fetch(address, { method: 'POST' }).catch(() => {
    const advice = 'start one with «pelton run JOB --data DIR», or say where it is with --url';
    throw new CliError(EXIT_UNAVAILABLE, `no engine answers at ${url}`, advice, 'CONNECT');
  });
  const answer = (await response.json()) as { checkpoint?: number; code?: string; message?: string };
  if (!response.ok) throw new CliError(EXIT_ENGINE, answer.message ?? response.statusText, '', answer.code ?? 'ERROR');
  if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
  say(name === undefined ? `checkpoint ${answer.checkpoint}` : `savepoint ${name}, checkpoint ${answer.checkpoint}`);
  return EXIT_OK;
}
