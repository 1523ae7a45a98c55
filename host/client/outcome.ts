// host/client/outcome.ts — what became of what was given to a producer. The three are kept apart, always.
//
//   acked      the engine has it: look at `rejects` for rows that it refused by name
//   rejected   nothing of it was kept, certainly: fix it, or give it again (`error` says whether that may help)
//   unknown    it was sent, and nobody answered before the connection or the time to retry was over

import type { ClientError } from './client-error.ts';

export interface RowReject {
  /** Index in what was given to the call; −1: all of it. */
  row: number;
  code: string;
  column: string | null;
  message: string;
}

/** A row that the engine refused, as it says it. */
export interface Reject {
  sequence: number;
  /** Index in the frame; −1: the frame as a whole. */
  row: number;
  code: string;
  column: string | null;
  message: string;
}

export interface Outcome {
  outcome: 'acked' | 'rejected' | 'unknown';
  rejects: readonly RowReject[];
  /**
   * Rows that were refused without a name, here or in frames acknowledged together with this one: the engine names 16.
   * null: not known, since the acknowledgement was found after a reconnect.
   */
  unnamed: number | null;
  /** Why, when it is not acked and no row's own fault. */
  error: ClientError | null;
}

export type Told = (outcome: Outcome) => void;

/** One call's outcome, gathered from the frames that its rows went into. */
export class Delivery {
  private readonly told: Told;
  /** null: a raw frame, whose rows nobody has counted. */
  private readonly rows: number | null;
  private readonly rejects: RowReject[] = [];
  private open = 1;
  private unnamed: number | null = 0;
  private unknown: ClientError | null = null;
  private refused: ClientError | null = null;

  constructor(told: Told, rows: number | null) {
    this.told = told;
    this.rows = rows;
  }

  /** One more frame holds rows of it. */
  addPart(): void {
    this.open++;
  }

  reject(reject: RowReject): void {
    this.rejects.push(reject);
  }

  acked(unnamed: number | null): void {
    this.unnamed = unnamed === null || this.unnamed === null ? null : this.unnamed + unnamed;
    this.endPart();
  }

  /** These rows were never stored; of a raw frame all. */
  notStored(error: ClientError, first: number, count: number): void {
    this.refused ??= error;
    const rows = this.rows === null ? [-1] : Array.from({ length: count }, (_, index) => first + index);
    for (const row of rows) this.reject({ row, code: error.code, column: null, message: error.message });
    this.endPart();
  }

  notKnown(error: ClientError): void {
    this.unknown ??= error;
    this.endPart();
  }

  /** No further part will be added; and each part when it is settled. */
  endPart(): void {
    if (--this.open > 0) return;
    const { rejects, rows, unnamed } = this;
    const isAllRefused = rejects.some(({ row }) => row < 0) || (rows !== null && rows > 0 && rejects.length >= rows);
    const outcome = this.unknown !== null ? 'unknown' : isAllRefused ? 'rejected' : 'acked';
    this.told({ outcome, rejects, unnamed, error: this.unknown ?? this.refused });
  }
}
