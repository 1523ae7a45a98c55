// host/thread/channel.ts — the writing end of a ring together with the doorbell of whom it wakes.
//
// Everything a thread hands on goes through here: whole images, results behind their header, control frames.
// A caller asks `hasRoom` first; a push that finds none is our mistake, not back-pressure.

import { type Doorbell, ring } from '../../ring/doorbell.ts';
import { FRAME_DATA } from '../../ring/layout.ts';
import { hasRoom, NO_ROOM, openProducer, publish, type RingProducer, tryClaim } from '../../ring/spsc.ts';
import type { CopyBytes } from '../kernel/copy-between.ts';
import { CONTROL_FRAME_BYTES, FRAME_SPARE_BYTES, RESULT_HEADER_BYTES } from '../limits.ts';
import { type ControlFrame, writeControl } from './control-frame.ts';
import type { RingPlace } from './topology.ts';

export class Channel {
  private readonly producer: RingProducer;
  private readonly receiver: Doorbell;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(buffer: SharedArrayBuffer, place: RingPlace, receiver: Doorbell) {
    this.producer = openProducer(buffer, place.baseBytes, place.capacityBytes);
    this.receiver = receiver;
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Room for an image of this size, its result header and the control frames behind it. */
  hasRoom(imageBytes: number): boolean {
    return hasRoom(this.producer, imageBytes + FRAME_SPARE_BYTES / 2);
  }

  /** An image by its pieces, which lie in the memory that `copy` copies from. */
  pushImage(copy: CopyBytes, pieces: ImagePieces, imageBytes: number): void {
    copyPieces(copy, this.claim(FRAME_DATA, imageBytes), pieces);
    this.publish();
  }

  /** An image behind its result header: which output, how many rows, the first row's offset. */
  pushResult(copy: CopyBytes, pieces: ImagePieces, imageBytes: number, header: ResultHeader): void {
    const at = this.claim(FRAME_DATA, RESULT_HEADER_BYTES + imageBytes);
    writeResultHeader(this.view, at, header);
    copyPieces(copy, at + RESULT_HEADER_BYTES, pieces);
    this.publish();
  }

  pushControl(kind: number, frame: ControlFrame): void {
    writeControl(this.view, this.claim(kind, CONTROL_FRAME_BYTES), frame);
    this.publish();
  }

  /** A control frame that belongs to one output of the job. */
  pushResultControl(kind: number, output: number, frame: ControlFrame): void {
    const at = this.claim(kind, RESULT_HEADER_BYTES + CONTROL_FRAME_BYTES);
    writeResultHeader(this.view, at, { output, rows: 0, offset: 0 });
    writeControl(this.view, at + RESULT_HEADER_BYTES, frame);
    this.publish();
  }

  /** Plain bytes, for rings that carry encoded messages; false when there is no room. */
  tryPushBytes(kind: number, parts: readonly Uint8Array[]): boolean {
    let total = 0;
    for (const part of parts) total += part.byteLength;
    const at = tryClaim(this.producer, kind, total);
    if (at === NO_ROOM) return false;
    let offset = at;
    for (const part of parts) {
      this.bytes.set(part, offset);
      offset += part.byteLength;
    }
    this.publish();
    return true;
  }

  private claim(kind: number, payloadBytes: number): number {
    const at = tryClaim(this.producer, kind, payloadBytes);
    if (at === NO_ROOM) throw new Error(`no room for a frame of ${payloadBytes} bytes that was promised room`);
    return at;
  }

  private publish(): void {
    publish(this.producer);
    ring(this.receiver);
  }
}

/** Three numbers a piece: its address, where it goes in the image, its bytes (assembly/layout.ts). */
export type ImagePieces = Uint32Array;

function copyPieces(copy: CopyBytes, image: number, pieces: ImagePieces): void {
  for (let at = 0; at < pieces.length; at += 3) copy(image + pieces[at + 1]!, pieces[at]!, pieces[at + 2]!);
}

/** In front of everything in a ring that leads out:  ├ u32 output ┼ u32 rows ┼ f64 offset ┤ */
export interface ResultHeader {
  output: number;
  rows: number;
  /** Offset of the first row in its partition: result n of partition p is always the same row. */
  offset: number;
}

export function readResultHeader(view: DataView, at: number): ResultHeader {
  return {
    output: view.getUint32(at, true),
    rows: view.getUint32(at + 4, true),
    offset: view.getFloat64(at + 8, true),
  };
}

function writeResultHeader(view: DataView, at: number, header: ResultHeader): void {
  view.setUint32(at, header.output, true);
  view.setUint32(at + 4, header.rows, true);
  view.setFloat64(at + 8, header.offset, true);
}
