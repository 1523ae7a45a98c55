// host/cli/frame.ts — what every reader of input makes: frames ready for the wire, and which rows of the input they hold.

export interface Frame {
  /** Text: JSON lines as UTF-8. Otherwise one Arrow IPC stream. */
  readonly text: boolean;
  readonly bytes: Uint8Array;
  readonly rows: number;
  /** Number of the n-th row of this frame in the input, counted from 1. */
  readonly rowNumber: (index: number) => number;
}

/** A row that was left out before anything was sent. */
export interface LocalReject {
  row: number;
  code: string;
  column: string | null;
  message: string;
}

export interface FrameBounds {
  rowsMax: number;
  /** A frame ends before it is larger than this, if it holds more than one row. */
  bytesMax: number;
  /** What the engine takes. */
  frameBytesMax: number;
}

/** Rows in order without a gap. */
export const consecutive =
  (first: number) =>
  (index: number): number =>
    first + index;
