// test/support/sim-file.ts — a file of the simulated disk: what is on the medium, what a reader sees, what lies between.

import type { CrashChoice, WriteFate } from './crash-choice.ts';

type Change = { kind: 'write'; position: number; bytes: Uint8Array } | { kind: 'truncate'; bytes: number };

class Content {
  buffer: Uint8Array;
  size: number;

  constructor(bytes: Uint8Array) {
    this.buffer = Uint8Array.from(bytes);
    this.size = bytes.byteLength;
  }

  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.size);
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.byteLength;
    if (end > this.buffer.byteLength) {
      const larger = new Uint8Array(Math.max(end, this.buffer.byteLength * 2));
      larger.set(this.bytes());
      this.buffer = larger;
    }
    this.buffer.set(bytes, position);
    this.size = Math.max(this.size, end);
  }

  truncate(bytes: number): void {
    if (bytes > this.size) this.write(new Uint8Array(bytes - this.size), this.size);
    this.size = bytes;
    this.buffer.fill(0, bytes);
  }

  apply(change: Change): void {
    if (change.kind === 'write') this.write(change.bytes, change.position);
    else this.truncate(change.bytes);
  }
}

export class FileNode {
  readonly durable: Content;
  readonly seen: Content;
  unsynced: Change[] = [];

  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.durable = new Content(bytes);
    this.seen = new Content(bytes);
  }

  apply(change: Change): void {
    this.seen.apply(change);
    this.unsynced.push(change);
  }

  afterCrash(choice: CrashChoice, path: string): FileNode {
    const content = new Content(this.durable.bytes());
    for (const change of this.unsynced) {
      const bytes = change.kind === 'write' ? change.bytes.byteLength : 0;
      const position = change.kind === 'write' ? change.position : change.bytes;
      const fate = choice.write({ path, position, bytes });
      if (fate === 'kept') content.apply(change);
      else if (fate !== 'dropped' && change.kind === 'write') keepPieces(content, change, fate);
    }
    return new FileNode(content.bytes());
  }
}

/** Pieces are cut where the medium cuts them: at multiples of their size in the file. */
function keepPieces(content: Content, { position, bytes }: Change & { kind: 'write' }, fate: WriteFate & object): void {
  const first = Math.floor(position / fate.pieceBytes);
  for (let piece = first; piece * fate.pieceBytes < position + bytes.byteLength; piece++) {
    if (!fate.keeps(piece - first)) continue;
    const from = Math.max(position, piece * fate.pieceBytes);
    const to = Math.min(position + bytes.byteLength, (piece + 1) * fate.pieceBytes);
    content.write(bytes.subarray(from - position, to - position), from);
  }
}
