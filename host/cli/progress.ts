// host/cli/progress.ts — a bar on standard error while input is being sent, if a terminal is there to see it.

import cliProgress from 'cli-progress';
import type { Input } from './input.ts';
import { countText } from './terminal.ts';

export interface Progress {
  update(rows: number): void;
  /** Takes the bar away; again: nothing. */
  stop(): void;
}

const SILENT: Progress = { update: () => undefined, stop: () => undefined };

/** Input of unknown length shows rows alone. */
export function openProgress(input: Input, isWanted: boolean): Progress {
  if (!isWanted || process.stderr.isTTY !== true) return SILENT;
  const { totalBytes } = input;
  const bar = new cliProgress.SingleBar(
    {
      stream: process.stderr,
      format: totalBytes === null ? '{rows} rows' : '{bar} {percentage} %  {rows} rows  {eta_formatted} left',
      hideCursor: true,
      clearOnComplete: true,
      fps: 8,
    },
    cliProgress.Presets.shades_classic,
  );
  let isOpen = true;
  bar.start(Math.max(1, totalBytes ?? 1), 0, { rows: '0' });
  return {
    update: (rows) => bar.update(totalBytes === null ? 0 : input.readBytes(), { rows: countText(rows) }),
    stop: () => {
      if (isOpen) bar.stop();
      isOpen = false;
    },
  };
}

/** The quick start's rows: how many of so many are done. */
export function replayProgress(doing: string, totalRows: number): { add: (rows: number) => void; stop: () => void } {
  if (process.stderr.isTTY !== true) return { add: () => undefined, stop: () => undefined };
  const bar = new cliProgress.SingleBar(
    {
      stream: process.stderr,
      format: `${doing} {bar} {value} of {total} events`,
      hideCursor: true,
      clearOnComplete: true,
      fps: 8,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(totalRows, 0);
  return { add: (rows) => bar.increment(rows), stop: () => bar.stop() };
}
