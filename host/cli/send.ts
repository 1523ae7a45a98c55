// host/cli/send.ts — `pelton send`: rows of a file or of standard input to a stream, until all are acknowledged.
//
//   input.ts ──bytes──▶ ndjson- | csv- | arrow-frames.ts ──frames──▶ client/producer.ts ──▶ engine
//
// Memory is bounded: the next chunk is read when the last frame has left, and a frame leaves when there is credit.

import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { isClientError } from '../client/client-error.ts';
import { connectProducer, type Producer, type Reject } from '../client/producer.ts';
import { streamInfo } from '../client/stream-info.ts';
import { monotonicMs } from '../clock.ts';
import { arrowFrames } from './arrow-frames.ts';
import { CliError, shownError } from './cli-error.ts';
import { csvFrames } from './csv-frames.ts';
import { EXIT_INTERRUPTED, EXIT_OK, EXIT_ROWS, EXIT_USAGE, exitCodesText } from './exit-codes.ts';
import type { Frame, FrameBounds, LocalReject } from './frame.ts';
import { type Input, openInput, packingOf } from './input.ts';
import { ndjsonFrames } from './ndjson-frames.ts';
import { positiveInteger, positiveNumber, urlOption } from './option.ts';
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
}

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
    .option('--producer <id>', 'send as this producer, with a watermark of its own')
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
  /** Of frames that are not acknowledged: rows of the input, by the frame's number. */
  private readonly flying = new Map<number, Frame['rowNumber']>();
  private readonly interruption = new AbortController();
  private producer!: Producer;
  private framesGiven = 0;
  private rowsGiven = 0;
  private bytesGiven = 0;
  private localRejects = 0;

  constructor(stream: string, format: InputFormat, input: Input, options: SendOptions, report: SendReport) {
    this.stream = stream;
    this.format = format;
    this.input = input;
    this.options = options;
    this.report = report;
  }

  async run(): Promise<number> {
    const { url, producer: id } = this.options;
    this.producer = await connectProducer({
      url,
      stream: this.stream,
      ...(id === undefined ? {} : { producer: id }),
      onReject: (reject) => this.rejected(reject),
      onAck: ({ sequence }) => this.acknowledged(sequence),
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
    this.producer.closed.catch(() => this.input.close());
    const startMs = monotonicMs();
    const exitCode = await this.sendAndFlush(startMs);
    asked.forget();
    this.report.done({
      rows: this.producer.acknowledgedRows,
      rejected: this.rejectedRows,
      unacknowledged: this.unacknowledgedRows,
      bytes: this.bytesGiven,
      seconds: (monotonicMs() - startMs) / 1000,
    });
    await this.producer.close();
    return exitCode;
  }

  private get rejectedRows(): number {
    return this.producer.rejectedRows + this.localRejects;
  }

  /** None when every frame is acknowledged, however the engine counts rows. */
  private get unacknowledgedRows(): number {
    if (this.flying.size === 0) return 0;
    return Math.max(0, this.rowsGiven - this.producer.acknowledgedRows - this.producer.rejectedRows);
  }

  private async sendAndFlush(startMs: number): Promise<number> {
    const progress = openProgress(this.input, this.options.json !== true);
    try {
      const wrongInput = await this.sendFrames(startMs, () => progress.update(this.producer.acknowledgedRows));
      if (this.interruption.signal.aborted) {
        progress.stop();
        return await this.farewell();
      }
      await this.producer.flush();
      progress.stop();
      if (wrongInput !== undefined) {
        this.report.error(wrongInput);
        return wrongInput.exitCode;
      }
      if (this.options.end === true) await this.producer.say('!end');
      return this.rejectedRows > 0 ? EXIT_ROWS : EXIT_OK;
    } catch (error) {
      if (!isClientError(error)) throw error;
      progress.stop();
      const shown = shownError(error, this.stream)!;
      this.report.error(shown);
      return this.unacknowledgedRows > 0 ? EXIT_ROWS : shown.exitCode;
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

  private async give(frame: Frame): Promise<void> {
    this.framesGiven++;
    this.rowsGiven += frame.rows;
    this.bytesGiven += frame.bytes.byteLength;
    this.flying.set(this.producer.resumedAt + this.framesGiven, frame.rowNumber);
    await this.producer.send(frame.bytes, !frame.text);
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

  private async farewell(): Promise<number> {
    const bound = new AbortController();
    const late = sleep(FAREWELL_MS, undefined, { signal: bound.signal }).catch(() => undefined);
    await Promise.race([this.producer.flush().catch(() => undefined), late]);
    bound.abort();
    this.report.note('interrupted; what follows is what the engine has acknowledged');
    return EXIT_INTERRUPTED;
  }

  private rejected({ sequence, row, code, column, message }: Reject): void {
    const rowNumber = this.flying.get(sequence);
    this.report.reject({ row: row < 0 || rowNumber === undefined ? null : rowNumber(row), code, column, message });
  }

  private rejectedHere(reject: LocalReject): void {
    this.localRejects++;
    this.report.reject(reject);
  }

  private acknowledged(upTo: number): void {
    for (const sequence of this.flying.keys()) {
      if (sequence > upTo) return;
      this.flying.delete(sequence);
    }
  }
}
