// test/support/partition-state.ts — a partition's state as a checkpoint sees it, and a partition that sends it to the keeper.

import type { PartHead } from '../../host/checkpoint/keeper-message.ts';
import { writeBlockName } from '../../host/checkpoint/part-file.ts';
import {
  BLOCK_HEAD_BYTES,
  RECORD_BLOCK,
  RECORD_END,
  RECORD_HEADER_BYTES,
  RECORD_KEYED,
  RECORD_PANE,
  RECORD_SAME,
  RECORD_STAGE,
  SAME_BYTES,
} from '../../host/checkpoint/part-layout.ts';
import type { PartRecord } from '../../host/checkpoint/part-reader.ts';
import { viewOf } from '../../host/log/fields.ts';
import { FRAME_BARRIER, FRAME_DATA, FRAME_END } from '../../ring/layout.ts';
import { publish, type RingProducer, tryPush } from '../../ring/spsc.ts';
import type { Random } from './random.ts';

interface Block {
  bytes: Uint8Array;
  /** The epoch of its last change. */
  mark: number;
}

/** stage ─▶ pane start ─▶ blocks */
export class PartitionState {
  readonly stages = new Map<string, Map<number, Block[]>>();
  /** The id of the next checkpoint. */
  epoch = 1;

  block(stage: string, start: number, index: number, bytes: Uint8Array): void {
    const panes = this.stages.get(stage) ?? new Map<number, Block[]>();
    this.stages.set(stage, panes);
    const blocks = panes.get(start) ?? [];
    panes.set(start, blocks);
    blocks[index] = { bytes, mark: this.epoch };
  }

  /** Opens panes, grows and changes blocks, closes panes: a little of each. */
  change(random: Random): void {
    for (const stage of ['clicks/0', 'clicks/1']) {
      const panes = this.stages.get(stage) ?? new Map<number, Block[]>();
      if (panes.size > 2 && random.chance(0.4)) panes.delete([...panes.keys()][0]!);
      const start = random.below(5) * 1000;
      const blocks = panes.get(start) ?? [];
      const index = random.below(Math.min(blocks.length + 1, 6));
      const bytes = new Uint8Array(8 * random.below(12)).map(() => random.below(256));
      this.block(stage, start, index, bytes);
    }
  }

  /** What restores to the same has the same text. */
  text(): string {
    const lines: string[] = [];
    for (const [stage, panes] of this.stages) {
      lines.push(stage);
      for (const [start, blocks] of panes) {
        lines.push(`  pane ${start}`);
        for (const [index, { bytes }] of blocks.entries())
          lines.push(`    ${index} ${Buffer.from(bytes).toString('hex')}`);
      }
    }
    return lines.join('\n');
  }

  /** The frames of a part: kind, payload. */
  *frames(head: PartHead): Generator<[kind: number, payload: Uint8Array], void> {
    yield [FRAME_BARRIER, Buffer.from(JSON.stringify(head))];
    let records = 0;
    const record = (kind: number, payload: Uint8Array): [number, Uint8Array] => {
      records++;
      return [FRAME_DATA, recordFrame(kind, payload)];
    };
    for (const [stage, panes] of this.stages) {
      yield record(RECORD_STAGE, Buffer.from(JSON.stringify({ stage, watermark: 12 })));
      yield record(RECORD_KEYED, new Uint8Array(72));
      for (const [start, blocks] of panes) {
        yield record(RECORD_PANE, panePayload(start, blocks.length));
        for (const [index, { bytes, mark }] of blocks.entries()) {
          const isSame = !head.full && mark <= head.base;
          yield record(isSame ? RECORD_SAME : RECORD_BLOCK, blockPayload(start, index, bytes, isSame));
        }
      }
      yield record(RECORD_END, new Uint8Array(8));
    }
    yield [FRAME_END, u32(records)];
  }
}

/** The text of PartitionState, made of what was restored. */
export async function restoredText(records: AsyncIterable<PartRecord>): Promise<string> {
  const lines: string[] = [];
  for await (const record of records) {
    if (record.kind === 'stage') lines.push(record.head.stage);
    else if (record.kind === 'pane') lines.push(`  pane ${Buffer.from(record.payload).readDoubleLE(0)}`);
    else if (record.kind === 'block')
      lines.push(`    ${record.name.index} ${Buffer.from(record.bytes).toString('hex')}`);
  }
  return lines.join('\n');
}

/** Pushes frames while the ring has room; true when all are in. */
export function pushFrames(producer: RingProducer, frames: [number, Uint8Array][]): boolean {
  while (frames.length > 0) {
    const [kind, payload] = frames[0]!;
    if (!tryPush(producer, kind, payload, 0, payload.byteLength)) break;
    frames.shift();
  }
  publish(producer);
  return frames.length === 0;
}

function recordFrame(kind: number, payload: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(RECORD_HEADER_BYTES + payload.byteLength);
  frame.writeUInt32LE(kind, 0);
  frame.writeUInt32LE(payload.byteLength, 4);
  frame.set(payload, RECORD_HEADER_BYTES);
  return frame;
}

function panePayload(start: number, blocks: number): Uint8Array {
  const payload = Buffer.alloc(32);
  payload.writeDoubleLE(start, 0);
  payload.writeDoubleLE(7, 8);
  payload.writeUInt32LE(3, 16);
  payload.writeUInt32LE(blocks, 20);
  return payload;
}

function blockPayload(start: number, index: number, bytes: Uint8Array, isSame: boolean): Uint8Array {
  const payload = Buffer.alloc(isSame ? SAME_BYTES : BLOCK_HEAD_BYTES + bytes.byteLength);
  writeBlockName(viewOf(payload), { paneStart: start, index, usedBytes: bytes.byteLength });
  if (!isSame) payload.set(bytes, BLOCK_HEAD_BYTES);
  return payload;
}

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
