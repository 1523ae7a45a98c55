// host/cli/send.ts — `pelton send`: rows of a file or of standard input to a stream, until all are acknowledged.
//
//   input.ts ──bytes──▶ ndjson- | csv- | arrow-frames.ts ──frames──▶ client/stream-producer.ts ──▶ engine
//
// Memory is bounded: the next chunk is read when there is room for unacknowledged frames.
// Without a name or --retry-for a lost connection is the end: what the anonymous producer sent cannot be sent again
// safely, and a name for every run would hold time back when the run is killed.

import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { isClientError } from '../client/client-error.ts';
import type { Outcome, RowReject } from '../client/outcome.ts';
import type { LinkEvent } from '../client/producer-link.ts';
import { streamInfo } from '../client/stream-info.ts';
import { openProducer, type StreamProducer } from '../client/stream-producer.ts';
import { monotonicMs } from '../clock.ts';
import { arrowFrames } from './arrow-frames.ts';
import { CliError, shownError } from './cli-error.ts';
import { csvFrames } from './csv-frames.ts';
import { EXIT_INTERRUPTED, EXIT_OK, EXIT_ROWS, EXIT_USAGE, exitCodesText } from './exit-codes.ts';
import type { Frame, FrameBounds, LocalReject } from './frame.ts';
import { type Input, openInput, packingOf } from './input.ts';
import { ndjsonFrames } from './ndjson-frames.ts';
import { positiveInteger, positiveNumber, seconds, urlOption, wholeNumber } from './option.ts';
import type { Finish } from './program.ts';
import { openProgress } from './progress.ts';
import { SendReport } from './send-report.ts';
import { whenAsked } from './stop-signal.ts';

const FORMATS = ['ndjson', 'csv', 'arrow'] as const;
type InputFormat = (typeof FORMATS)[number];

const FORMAT_OF: Record<string, InputFormat> = {
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.json': 'ndjson',
  '.csv': 'csv',
  '.arrow': 'arrow',
  '.arrows': 'arrow',
};

export interface SendOptions {
  url: string;
  format?: InputFormat;
  rate?: number;
  end?: boolean;
  json?: boolean;
  frameRows?: number;
  frameBytes?: number;
  producer?: string;
  epoch?: number;
  retryFor?: number;
}

/** How long a named producer tries to get a lost connection back. */
const RETRY_SECONDS = 60;

/** Frames of text leave with their chunk, 256 KiB at most; those of Arrow hold as many batches as this. */
const FRAME_BYTES: Record<InputFormat, number> = { ndjson: 256 * 1024, csv: 1024 * 1024, arrow: 1024 * 1024 };
const FRAME_ROWS: Record<InputFormat, number> = { ndjson: Infinity, csv: 4096, arrow: Infinity };
/** With --rate a frame holds a twentieth of a second's rows: the engine sees a flow, not bursts. */
const FRAMES_PER_SECOND = 20;
/** After Ctrl-C acknowledgements that are under way are still heard for this long. */
const FAREWELL_MS = 2_000;

const EXAMPLES = `
Examples:
  pelton send flights data/flights.csv.zst --end
  pelton send clicks clicks.ndjson.gz --rate 10000
  tail -f access.ndjson | pelton send requests -
  pelton send flights flights.arrows --json | tail -1
`;

export function command(finish: Finish): Command {
  return new Command('send')
    .description('send the rows of a file, or of standard input, to a stream of a running engine')
    .argument('<stream>', 'name of the stream')
    .argument(
      '<file>',
      'NDJSON, CSV (with a header) or an Arrow IPC stream; .gz and .zst are unpacked; - is standard input',
    )
    .addOption(urlOption())
    .addOption(new Option('--format <format>', "default: by the file's extension; ndjson for -").choices(FORMATS))
    .option('--rate <rows>', 'rows per second, on a schedule that does not wait for the engine', positiveNumber)
    .option('--end', 'say afterwards that nothing more will follow: open windows come out')
    .option('--producer <id>', 'send as this producer, with a watermark of its own; it is safe to send again')
    .option('--epoch <n>', 'which life of the producer: a greater one shuts the older out', wholeNumber)
    .option(
      '--retry-for <seconds>',
      `get a lost connection back for so long (default: ${RETRY_SECONDS} with --producer, else 0)`,
      seconds,
    )
    .option('--frame-rows <n>', 'rows of one frame at most', positiveInteger)
    .option('--frame-bytes <n>', 'bytes of one frame at most', positiveInteger)
    .option('--json', 'JSON lines on standard output; the last one is {"event":"done",…}')
    .addHelpText('after', EXAMPLES + exitCodesText())
    .action(async (stream: string, file: string, options: SendOptions) => finish(await send(stream, file, options)));
}

/** @returns the exit code */
export async function send(stream: string, file: string, options: SendOptions): Promise<number> {
  const report = new SendReport(options.json === true);
  const format = options.format ?? formatOf(file);
  const input = await openInput(file);
  try {
    return await new Sending(stream, format, input, options, report).run();
  } finally {
    input.close();
  }
}

function formatOf(file: string): InputFormat {
  if (file === '-') return 'ndjson';
  const extension = /\.[^./\\]+$/.exec(packingOf(file).contents)?.[0].toLowerCase() ?? '';
  const format = FORMAT_OF[extension];
  if (format !== undefined) return format;
  throw new CliError(
    EXIT_USAGE,
    `what ${file} holds cannot be told from its name; known: ${Object.keys(FORMAT_OF).join(', ')}, each with .gz or .zst behind it`,
    `say --format ${FORMATS.join('|')}`,
  );
}

/** One run of the command. */
class Sending {
  private readonly stream: string;
  private readonly format: InputFormat;
  private readonly input: Input;
  private readonly options: SendOptions;
  private readonly report: SendReport;
  private readonly retryForMs: number;
  private readonly interruption = new AbortController();
  private producer!: StreamProducer;
  private rowsGiven = 0;
  private bytesGiven = 0;
  private localRejects = 0;
  private unknownRows = 0;
  private unsentRows = 0;
  private isConnected = false;

  constructor(stream: string, format: InputFormat, input: Input, options: SendOptions, report: SendReport) {
    this.stream = stream;
    this.format = format;
    this.input = input;
    this.options = options;
    this.report = report;
    this.retryForMs = 1000 * (options.retryFor ?? (options.producer === undefined ? 0 : RETRY_SECONDS));
  }

  async run(): Promise<number> {
    const { url, producer: id, epoch, retryFor = 0 } = this.options;
    this.producer = await openProducer({
      url,
      stream: this.stream,
      retryForMs: this.retryForMs,
      firstRetryForMs: 1000 * retryFor,
      ...(id === undefined ? {} : { producer: id }),
      ...(epoch === undefined ? {} : { epoch }),
      onEvent: (event) => this.happened(event),
    });
    if (this.producer.resumedAt > 0) {
      this.report.note(`producer ${id} goes on behind frame ${this.producer.resumedAt}, which was acknowledged before`);
    }
    const asked = whenAsked((again) => {
      if (again) process.exit(EXIT_INTERRUPTED);
      this.interruption.abort();
      this.input.close();
    });
    // Input that does not come must not keep us from hearing that the engine has gone.
    void this.producer.over.then(() => this.input.close());
    const startMs = monotonicMs();
    const exitCode = await this.sendAndClose(startMs);
    asked.forget();
    this.report.done({
      rows: this.producer.ackedRows,
      rejected: this.rejectedRows,
      unacknowledged: this.unknownRows,
      unsent: this.unsentRows,
      forgottenFrames: this.producer.forgottenFrames,
      bytes: this.bytesGiven,
      seconds: (monotonicMs() - startMs) / 1000,
    });
    return exitCode;
  }

  private get rejectedRows(): number {
    return this.producer.rejectedRows + this.localRejects;
  }

  private async sendAndClose(startMs: number): Promise<number> {
    const progress = openProgress(this.input, this.options.json !== true);
    try {
      const wrongInput = await this.sendFrames(startMs, () => progress.update(this.producer.ackedRows));
      if (this.interruption.signal.aborted) {
        await this.producer.close({ forMs: FAREWELL_MS }).catch(() => undefined);
        progress.stop();
        this.report.note('interrupted; what follows is what the engine has acknowledged');
        return EXIT_INTERRUPTED;
      }
      if (this.options.end === true && wrongInput === undefined) this.producer.end();
      await this.producer.close();
      progress.stop();
      if (wrongInput !== undefined) {
        this.report.error(wrongInput);
        return wrongInput.exitCode;
      }
      return this.rejectedRows + this.producer.forgottenFrames > 0 ? EXIT_ROWS : EXIT_OK;
    } catch (error) {
      if (!isClientError(error)) throw error;
      progress.stop();
      const shown = shownError(error, this.stream)!;
      this.report.error(shown);
      return this.unknownRows + this.unsentRows > 0 ? EXIT_ROWS : shown.exitCode;
    } finally {
      progress.stop();
    }
  }

  /** @returns what is wrong with the input, after everything before it was sent */
  private async sendFrames(startMs: number, moved: () => void): Promise<CliError | undefined> {
    const { signal } = this.interruption;
    try {
      for await (const frame of await this.frames()) {
        if (this.options.rate !== undefined) await this.until(startMs + (this.rowsGiven / this.options.rate) * 1000);
        if (signal.aborted) return undefined;
        await this.give(frame);
        moved();
      }
    } catch (error) {
      if (signal.aborted) return undefined;
      const shown = shownError(error, this.stream);
      if (shown === undefined || isClientError(error)) throw error;
      return shown;
    }
    return undefined;
  }

  private async give({ text, bytes, rows, rowNumber }: Frame): Promise<void> {
    this.rowsGiven += rows;
    this.bytesGiven += bytes.byteLength;
    const told = (outcome: Outcome) => this.heard(outcome, rows, rowNumber);
    await this.producer.send(bytes, { asText: text, rows, told });
  }

  private heard({ outcome, rejects, error }: Outcome, rows: number, rowNumber: Frame['rowNumber']): void {
    if (outcome === 'unknown') this.unknownRows += rows;
    else if (error !== null) this.unsentRows += rows;
    else for (const reject of rejects) this.rejected(reject, rowNumber);
  }

  private async frames(): Promise<AsyncIterable<Frame>> {
    const { frameBytesMax } = this.producer;
    const { rate, frameRows, frameBytes } = this.options;
    const paced = rate === undefined ? Infinity : Math.ceil(rate / FRAMES_PER_SECOND);
    const bounds: FrameBounds = {
      rowsMax: Math.min(frameRows ?? FRAME_ROWS[this.format], paced),
      bytesMax: Math.min(frameBytes ?? FRAME_BYTES[this.format], frameBytesMax),
      frameBytesMax,
    };
    switch (this.format) {
      case 'ndjson':
        return ndjsonFrames(this.input.chunks, bounds);
      case 'arrow':
        return arrowFrames(this.input.chunks, bounds);
      case 'csv': {
        const { fields } = await streamInfo(this.options.url, this.stream);
        return csvFrames(this.input.chunks, { fields, bounds, onReject: (reject) => this.rejectedHere(reject) });
      }
    }
  }

  private async until(dueMs: number): Promise<void> {
    const waitMs = dueMs - monotonicMs();
    if (waitMs >= 1) await sleep(waitMs, undefined, { signal: this.interruption.signal }).catch(() => undefined);
  }

  private rejected({ row, code, column, message }: RowReject, rowNumber: Frame['rowNumber']): void {
    this.report.reject({ row: row < 0 ? null : rowNumber(row), code, column, message });
  }

  private rejectedHere(reject: LocalReject): void {
    this.localRejects++;
    this.report.reject(reject);
  }

  private happened(event: LinkEvent): void {
    if (event.type === 'connected') this.isConnected = true;
    if (event.type === 'forgotten') {
      this.report.note(
        `the engine has started again without ${event.frames} frames that it had acknowledged: send their rows again`,
      );
    }
    if (event.type !== 'lost' || this.retryForMs === 0 || !this.isConnected) return;
    this.isConnected = false;
    this.report.note(`${event.error.message}; trying again for ${this.retryForMs / 1000} s`);
  }
}
