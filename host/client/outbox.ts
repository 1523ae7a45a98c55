// host/client/outbox.ts — what was given to a producer and is not settled yet, in order, over all its connections.
//
//   frames       │ 18 │ 19 │ 20 │ 21 │ 22 │      controls stand before the frame that follows them,
//                  ▲ oldest   ▲ cursor           or in `trailing` when none does
//
// Promises
//   - a frame has one number for life; every connection sends what it has not seen acknowledged, in the same order.
//   - a control message is repeated on each new connection until a frame behind it is acknowledged: all of them say
//     what holds, so that hearing one twice changes nothing.
//   - each frame is settled once.

import type { ClientError } from './client-error.ts';
import { FRAME_HELD_BYTES_MIN } from './limits.ts';
import type { Delivery, Reject } from './outcome.ts';

/** Rows of one call in one frame. */
export interface Part {
  delivery: Delivery;
  /** First row in the frame, how many, and which of the call the first one is. */
  from: number;
  count: number;
  first: number;
}

export interface NewFrame {
  data: string | Uint8Array;
  binary: boolean;
  bytes: number;
  /** As far as the caller knows; null: nobody has counted them. */
  rows: number | null;
  parts: readonly Part[];
}

export interface Control {
  text: string;
  /** On which connection it was sent last. */
  sentOn: object | null;
  /** Kind to say, and not worth another connection. */
  isCourtesy: boolean;
}

export interface Frame extends NewFrame {
  sequence: number;
  controls: readonly Control[];
  /** Bytes have left for an engine: without an answer nobody knows whether it has them. */
  hasLeft: boolean;
  rejects: Reject[];
}

export class Outbox {
  /** Not settled: their bytes, and a little for each. */
  heldBytes = 0;
  /** Of the last frame given. */
  sequence = 0;
  trailing: Control[] = [];
  private frames: Frame[] = [];
  private cursor = 0;

  get isEmpty(): boolean {
    return this.frames.length === 0;
  }

  /** Nothing is left that a new connection would be opened for. */
  get isDone(): boolean {
    return this.isEmpty && this.trailing.every(({ isCourtesy }) => isCourtesy);
  }

  /** How many frames wait for their end. */
  get frameCount(): number {
    return this.frames.length;
  }

  add(given: NewFrame): Frame {
    const frame: Frame = { ...given, sequence: ++this.sequence, controls: this.trailing, hasLeft: false, rejects: [] };
    this.trailing = [];
    this.frames.push(frame);
    this.heldBytes += heldBytes(frame);
    return frame;
  }

  /** Only the last of each kind counts between two frames. */
  say(text: string, isCourtesy = false): void {
    const [kind] = text.split(' ');
    this.trailing = this.trailing.filter((control) => control.text.split(' ')[0] !== kind);
    this.trailing.push({ text, sentOn: null, isCourtesy });
  }

  /** A new connection: everything that is left is sent again. */
  rewind(): void {
    this.cursor = 0;
  }

  /** What this connection has to send next. `sent` is called when it has left. */
  next(connection: object): Frame | Control | null {
    const frame = this.frames[this.cursor];
    const control = (frame?.controls ?? this.trailing).find(({ sentOn }) => sentOn !== connection);
    return control ?? frame ?? null;
  }

  sent(item: Frame | Control, connection: object): void {
    if (!isFrame(item)) {
      item.sentOn = connection;
      return;
    }
    item.hasLeft = true;
    this.cursor++;
  }

  reject(reject: Reject, sequence: number): void {
    const frame = this.frames[sequence - (this.frames[0]?.sequence ?? 0)];
    frame?.rejects.push({ ...reject, sequence });
  }

  /** The engine has refused this frame for now: it and those behind it have certainly not been stored. */
  notStoredFrom(sequence: number): void {
    for (const frame of this.frames) if (frame.sequence >= sequence) frame.hasLeft = false;
  }

  /** Takes the frames up to this one out, to be settled. */
  takeUpTo(sequence: number): Frame[] {
    const count = Math.max(0, Math.min(this.frames.length, sequence - (this.frames[0]?.sequence ?? 0) + 1));
    const taken = this.frames.slice(0, count);
    this.frames = this.frames.slice(count);
    this.cursor = Math.max(0, this.cursor - count);
    for (const frame of taken) this.heldBytes -= heldBytes(frame);
    return taken;
  }
}

export const isFrame = (item: Frame | Control): item is Frame => 'sequence' in item;

const heldBytes = ({ bytes }: Frame): number => Math.max(FRAME_HELD_BYTES_MIN, bytes);

/** Its calls hear that the engine has it, and which of their rows it refused. */
export function settleAcked(frame: Frame, unnamed: number | null): void {
  for (const { delivery, from, count, first } of frame.parts) {
    for (const { row, code, column, message } of frame.rejects) {
      if (row < 0) delivery.reject({ row: -1, code, column, message });
      else if (row >= from && row < from + count) delivery.reject({ row: first + row - from, code, column, message });
    }
    delivery.acked(unnamed);
  }
}

/** Its calls hear that it will not be sent again: never stored if it never left, else nobody knows. */
export function settleFailed(frame: Frame, error: ClientError): void {
  for (const { delivery, first, count } of frame.parts) {
    if (frame.hasLeft) delivery.notKnown(error);
    else delivery.notStored(error, first, count);
  }
}
