// host/cli/tail.ts — `pelton tail`: the results of a sink on standard output, as they come.
//
// Standard output holds rows and nothing else; watermarks (-v) and words go to standard error. A reader that goes away
// (| head) is no error.

import { once } from 'node:events';
import { Command, Option } from 'commander';
import { type ClientError, isClientError } from '../client/client-error.ts';
import { type Followed, type Following, follow, gapText, type Offsets } from '../client/following.ts';
import type { JsonRows, SinkTime } from '../client/sink-message.ts';
import { CliError } from './cli-error.ts';
import { EXIT_ENGINE, EXIT_INTERRUPTED, EXIT_OK, EXIT_ROWS, EXIT_USAGE, exitCodesText } from './exit-codes.ts';
import { offsets, positiveInteger, seconds, urlOption } from './option.ts';
import type { Finish } from './program.ts';
import { whenAsked } from './stop-signal.ts';
import { rowTable } from './table.ts';
import { say } from './terminal.ts';

const FORMATS = ['json', 'table', 'arrow'] as const;

export interface TailOptions {
  url: string;
  format: (typeof FORMATS)[number];
  limit?: number;
  untilEnd?: boolean;
  from?: Offsets;
  retryFor?: number;
  json?: boolean;
  verbose?: boolean;
}

/** Rows of one table, and how long they are waited for. */
const TABLE_ROWS = 40;
const TABLE_WAIT_MS = 200;

const EXAMPLES = `
Examples:
  pelton tail per-origin
  pelton tail per-origin --limit 10 --format table
  pelton tail per-origin --until-end > results.ndjson
  pelton tail per-origin --format arrow --until-end > results.arrows
`;

export function command(finish: Finish): Command {
  return new Command('tail')
    .description('print the results of a sink as they come, from now on')
    .argument('<sink>', 'name of the sink')
    .addOption(urlOption())
    .addOption(
      new Option(
        '--format <format>',
        'json: one line per row; table: for people; arrow: Arrow IPC streams, one behind the other',
      )
        .choices(FORMATS)
        .default('json'),
    )
    .option('--json', 'the same as --format json')
    .option('--limit <rows>', 'stop after so many rows (arrow: with the message that reaches them)', positiveInteger)
    .option('--until-end', 'stop when every partition has ended')
    .option(
      '--from <offsets>',
      `next offset by partition, as Ctrl-C says it: '{"0":118,"1":97}'; default: from now on`,
      offsets,
    )
    .option('--retry-for <seconds>', 'get a lost connection back for so long (default: 0)', seconds)
    .option('-v, --verbose', 'words on standard error: when it has subscribed, watermarks, ends')
    .addHelpText('after', EXAMPLES + exitCodesText())
    .action(async (sink: string, options: TailOptions) => finish(await tail(sink, options)));
}

/** @returns the exit code */
export async function tail(sink: string, options: TailOptions): Promise<number> {
  const format = options.json === true ? 'json' : options.format;
  if (format === 'arrow' && process.stdout.isTTY === true) {
    throw new CliError(EXIT_USAGE, 'Arrow is binary; it is not written to a terminal', 'redirect it: > results.arrows');
  }
  const { url, from, retryFor = 0 } = options;
  const subscription = await follow({
    url,
    sink,
    format: format === 'arrow' ? 'arrow' : 'json',
    gaps: 'tell',
    retryForMs: retryFor * 1000,
    firstRetryForMs: retryFor * 1000,
    ...(from === undefined ? {} : { from }),
  });
  let isInterrupted = false;
  const asked = whenAsked((again) => {
    if (again) process.exit(EXIT_INTERRUPTED);
    isInterrupted = true;
    void subscription.close();
  });
  const output = new Output(subscription);
  try {
    const hasGaps = await new Tailing(sink, subscription, output, format, options).run();
    if (!isInterrupted) return hasGaps ? EXIT_ROWS : EXIT_OK;
    const { resume } = subscription;
    if (Object.keys(resume).length > 0) say(`go on with --from '${JSON.stringify(resume)}'`);
    return EXIT_INTERRUPTED;
  } catch (error) {
    if (!isClientError(error) || output.isGone) throw error;
    return ended(error, subscription.resume, options);
  } finally {
    asked.forget();
  }
}

/** The engine closed the connection: an orderly stop is no failure, unless more was asked for. */
function ended(error: ClientError, resume: Offsets, { untilEnd, limit }: TailOptions): number {
  const offsets = offsetsText(resume);
  if (error.code === 'CONNECTION_LOST') {
    // When much waits unread, the engine's last word may not get through.
    const why = 'the engine failed, or cut us off because more than 8 MiB waited unread';
    throw new CliError(EXIT_ENGINE, `${error.message}: ${why}`, offsets, error.code);
  }
  if (error.code !== 'SHUTTING_DOWN') throw new CliError(EXIT_ENGINE, error.message, offsets, error.code);
  if (untilEnd !== true && limit === undefined) {
    say('the engine has stopped');
    return EXIT_OK;
  }
  const wanted = untilEnd === true ? 'the end' : 'so many rows';
  throw new CliError(EXIT_ENGINE, `the engine has stopped before ${wanted} came`, offsets, error.code);
}

function offsetsText(resume: Offsets): string {
  const offsets = Object.entries(resume).map(([partition, offset]) => `${partition}: ${offset}`);
  return offsets.length === 0 ? 'no row had come' : `next offset by partition: ${offsets.join(', ')}`;
}

/** Standard output, waiting when it is full. */
class Output {
  /** Whoever read it has gone. */
  isGone = false;

  constructor(subscription: Following) {
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      this.isGone = true;
      void subscription.close();
    });
  }

  async write(bytes: Uint8Array | string): Promise<void> {
    if (this.isGone || process.stdout.write(bytes)) return;
    await once(process.stdout, 'drain').catch(() => undefined);
  }
}

class Tailing {
  private readonly sink: string;
  private readonly subscription: Following;
  private readonly output: Output;
  private readonly format: TailOptions['format'];
  private readonly options: TailOptions;
  private readonly seen = new Set<number>();
  private readonly endedPartitions = new Set<number>();
  private rowsLeft: number;
  private waiting: Record<string, unknown>[] = [];
  private timer: NodeJS.Timeout | null = null;

  constructor(
    sink: string,
    subscription: Following,
    output: Output,
    format: TailOptions['format'],
    options: TailOptions,
  ) {
    this.sink = sink;
    this.subscription = subscription;
    this.output = output;
    this.format = format;
    this.options = options;
    this.rowsLeft = options.limit ?? Infinity;
  }

  /** @returns whether rows were missed */
  async run(): Promise<boolean> {
    let hasGaps = false;
    const { partitions } = this.subscription;
    const among = partitions === undefined ? '' : ` (${partitions} ${partitions === 1 ? 'partition' : 'partitions'})`;
    if (this.options.verbose === true) say(`subscribed to ${this.sink}${among}`);
    try {
      for await (const message of this.subscription) {
        this.seen.add(message.partition);
        if (message.type === 'gap') {
          hasGaps = true;
          say(gapText(message));
        } else if (message.type === 'rows') await this.rows(message);
        else this.time(message);
        if (this.isDone || this.output.isGone) break;
      }
    } finally {
      await this.printTable();
    }
    return hasGaps;
  }

  private get isDone(): boolean {
    if (this.rowsLeft <= 0) return true;
    const partitions = this.subscription.partitions ?? this.seen.size;
    return this.options.untilEnd === true && this.endedPartitions.size >= partitions && partitions > 0;
  }

  private async rows(message: Extract<Followed, { type: 'rows' }>): Promise<void> {
    this.endedPartitions.delete(message.partition); // A stream may go on after its end.
    const taken = Math.min(message.count, this.rowsLeft);
    this.rowsLeft -= message.count;
    if (message.format === 'arrow') {
      if (message.skip > 0)
        say(`partition ${message.partition}: the first ${message.skip} rows of what follows came before`);
      return this.output.write(message.bytes);
    }
    if (this.format === 'table') return this.tabulate(message, taken);
    await this.output.write(
      taken === message.count ? message.bytes : `${message.lines().slice(0, taken).join('\n')}\n`,
    );
  }

  private async tabulate(message: JsonRows, taken: number): Promise<void> {
    for (const row of message.rows().slice(0, taken)) {
      this.waiting.push(row);
      if (this.waiting.length >= TABLE_ROWS) await this.printTable();
    }
    this.timer ??= setTimeout(() => void this.printTable(), TABLE_WAIT_MS);
  }

  private async printTable(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const rows = this.waiting;
    this.waiting = [];
    if (rows.length > 0) await this.output.write(`${rowTable(rows)}\n`);
  }

  private time({ type, partition, watermark }: SinkTime): void {
    if (type === 'end') this.endedPartitions.add(partition);
    if (this.options.verbose !== true) return;
    const at = watermark === null ? '' : ` ${new Date(watermark).toISOString()}`;
    say(`partition ${partition}: ${type}${at}`);
  }
}
