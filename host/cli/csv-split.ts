// host/cli/csv-split.ts — text to rows of cells, as RFC 4180 has it: quoted cells may hold commas, quotes and newlines.
//
// An empty cell is null; an empty cell in quotes is the empty string. Blank lines are no rows. A line without a quote,
// nearly every line there is, is split in one go.

import { dataError } from './cli-error.ts';

export type Cell = string | null;

export class CsvSplitter {
  /** Records so far, the header among them. */
  records = 0;
  private rest = '';
  private readonly recordCharsMax: number;

  /** @param recordCharsMax  a record that is longer is an unclosed quote, most likely */
  constructor(recordCharsMax: number) {
    this.recordCharsMax = recordCharsMax;
  }

  /** The records that are complete with this text; at the end of the input pass isLast. */
  *split(text: string, isLast: boolean): Generator<Cell[]> {
    const all = this.rest + text;
    let at = 0;
    let quote = all.indexOf('"'); // The next one from `at` on; −1: none in this text.
    while (at < all.length) {
      const newline = all.indexOf('\n', at);
      if (newline < 0 && !isLast) break;
      const end = newline < 0 ? all.length : newline;
      if (quote >= 0 && quote < at) quote = all.indexOf('"', at);
      if (quote < 0 || quote >= end) {
        const line = all.slice(at, all[end - 1] === '\r' && end > at ? end - 1 : end);
        at = end + 1;
        if (line === '') continue;
        this.records++;
        yield line.split(',').map((cell) => (cell === '' ? null : cell));
        continue;
      }
      const record = this.quoted(all, at, isLast);
      if (record === null) break;
      at = record.next;
      this.records++;
      yield record.cells;
    }
    this.rest = all.slice(at);
    if (this.rest.length <= this.recordCharsMax) return;
    throw dataError(
      `record ${this.records + 1} is longer than ${this.recordCharsMax} characters`,
      'is a quote left open, or are the line ends neither LF nor CRLF?',
    );
  }

  /** A record with quotes in it; null when its end has not come yet. */
  private quoted(text: string, from: number, isLast: boolean): { cells: Cell[]; next: number } | null {
    const cells: Cell[] = [];
    let at = from;
    for (;;) {
      if (text[at] === '"') {
        const close = closingQuote(text, at + 1);
        if (close < 0) {
          if (isLast) throw this.wrong('a quote is never closed', 'a quote inside a quoted cell is written twice');
          return null;
        }
        cells.push(text.slice(at + 1, close).replaceAll('""', '"'));
        at = close + 1;
      } else {
        const end = endOfPlain(text, at);
        cells.push(end === at ? null : text.slice(at, end));
        at = end;
      }
      if (text[at] === ',') {
        at++;
        continue;
      }
      if (at >= text.length) return isLast ? { cells, next: at } : null;
      if (text[at] === '\n') return { cells, next: at + 1 };
      if (text[at] === '\r' && (text[at + 1] === '\n' || (isLast && at + 1 === text.length)))
        return { cells, next: at + 2 };
      if (text[at] === '\r' && at + 1 === text.length) return null;
      throw this.wrong(
        `${JSON.stringify(text.slice(at, at + 10))} behind a closing quote`,
        'expected a comma or the end of the line',
      );
    }
  }

  private wrong(seen: string, advice: string): Error {
    return dataError(`record ${this.records + 1}: ${seen}`, advice);
  }
}

/** The quote that ends a quoted cell, −1 when it has not come: one that is doubled ends nothing. */
function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at;
}

function endOfPlain(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== ',' && text[at] !== '\n' && !(text[at] === '\r' && text[at + 1] === '\n'))
    at++;
  return at;
}
