// host/cli/send-report.ts — what `pelton send` tells: rejected rows as they come, and a summary at the end.
//
// With --json standard output holds JSON lines and nothing else, the last one {"event":"done",…}. Without it standard
// output stays empty and people read standard error.

import type { CliError } from './cli-error.ts';
import { bytesText, countText, rowsText, say, sayError } from './terminal.ts';

/** Of all rejected rows, as many are named in the summary. --json names all that the engine names. */
const NAMED_MAX = 5;

export interface SendTotals {
  /** Acknowledged and kept. */
  rows: number;
  rejected: number;
  /** Sent, and nobody said what became of them. */
  unacknowledged: number;
  /** Read, and certainly not stored. */
  unsent: number;
  /** Acknowledged by an engine that did not know them any more when it came back. */
  forgottenFrames: number;
  /** Of all frames sent. */
  bytes: number;
  seconds: number;
}

export interface RejectedRow {
  /** Number in the input, from 1; null: a frame as a whole. */
  row: number | null;
  code: string;
  column: string | null;
  message: string;
}

export class SendReport {
  private readonly isJson: boolean;
  private readonly named: RejectedRow[] = [];

  constructor(isJson: boolean) {
    this.isJson = isJson;
    // Whoever read our lines may go away (| head): the rows are sent all the same, and the exit code tells.
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }

  reject(reject: RejectedRow): void {
    if (this.isJson) this.event({ event: 'reject', ...reject });
    if (this.named.length < NAMED_MAX) this.named.push(reject);
  }

  note(line: string): void {
    if (!this.isJson) say(line);
  }

  error(error: CliError): void {
    if (this.isJson) this.event({ event: 'error', code: error.code, message: error.message });
    else sayError('send', error);
  }

  done({ bytes, seconds, ...counts }: SendTotals): void {
    const { rows, rejected, unacknowledged, unsent, forgottenFrames } = counts;
    const rowsPerSecond = Math.round(rows / Math.max(seconds, 0.001));
    const rounded = Math.round(seconds * 1000) / 1000;
    if (this.isJson) {
      this.event({ event: 'done', ...counts, bytes, seconds: rounded, rowsPerSecond });
      return;
    }
    say(
      `${rowsText(rows)} acknowledged (${bytesText(bytes)} sent) in ${seconds.toFixed(2)} s: ${countText(rowsPerSecond)} rows/s`,
    );
    if (unacknowledged > 0)
      say(`  ${rowsText(unacknowledged)} sent and not acknowledged: the engine may have them or not`);
    if (unsent > 0) say(`  ${rowsText(unsent)} not stored`);
    if (forgottenFrames > 0) say(`  ${countText(forgottenFrames)} acknowledged frames forgotten by the engine`);
    if (rejected > 0) say(`  ${rowsText(rejected)} rejected:`);
    for (const { row, code, column, message } of this.named) {
      const where = row === null ? 'a whole frame' : `row ${countText(row)}`;
      say(`    ${where}: ${code}${column === null ? '' : ` ${column}`}: ${message}`);
    }
    if (rejected > this.named.length && this.named.length > 0)
      say(`    and ${countText(rejected - this.named.length)} more`);
  }

  private event(event: object): void {
    process.stdout.write(`${JSON.stringify(event)}\n`);
  }
}
