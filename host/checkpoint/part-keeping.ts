// host/checkpoint/part-keeping.ts — one partition's ring to the keeper: its frames become the part file of each checkpoint.
//
// Promises
//   - a frame is released only when its record is in a chunk; while the disk is busy the ring fills, and the partition's sweep waits.
//   - SAME is written with the place of the bytes, never as a reference to a reference, and never further back than
//     CHECKPOINT_REACH_MAX checkpoints: then the bytes are copied into the new part.
// Not here  other partitions' parts, what becomes of an error (keeper.ts).
//
// Why copy rather than ask for a full checkpoint every so often: the partition does nothing for it, no block passes its memory
// a second time, and ages are spread by block index, so that a state of 4 GiB is rewritten a quarter at a time.

import { FRAME_BARRIER, FRAME_DATA, FRAME_END } from '../../ring/layout.ts';
import { peek, type RingConsumer, release } from '../../ring/spsc.ts';
import type { Disk } from '../disk/disk.ts';
import { CHECKPOINT_REACH_MAX } from '../limits.ts';
import { viewOf } from '../log/fields.ts';
import type { StepResult } from '../thread/body.ts';
import { BlockPlaces } from './block-places.ts';
import type { KeptPart, PartHead } from './keeper-message.ts';
import { type BlockName, type BlockPlace, OlderParts, readBlockName, writeBlockName } from './part-file.ts';
import {
  BLOCK_HEAD_BYTES,
  RECORD_BLOCK,
  RECORD_BYTES,
  RECORD_END,
  RECORD_HEADER_BYTES,
  RECORD_KIND,
  RECORD_SAME,
  RECORD_STAGE,
  SAME_BYTES,
  SAME_CHECKPOINT,
  SAME_CRC,
  SAME_OFFSET,
} from './part-layout.ts';
import { type Chunks, PartWriter } from './part-writer.ts';
import { partName, unfinishedDirectory } from './place.ts';

export interface PartKeepingOptions {
  disk: Disk;
  data: string;
  store: string;
  partition: number;
  ring: RingConsumer;
  /** The memory that the ring lies in. */
  memory: Uint8Array;
  chunkBytes: number;
  /** The disk has answered: `step` may do more. */
  wake: () => void;
  isAborted: (checkpoint: number) => boolean;
  kept: (checkpoint: number, part: KeptPart) => void;
}

/** What is being written. */
interface Part {
  head: PartHead;
  writer: PartWriter;
  places: BlockPlaces;
  refers: Set<number>;
  older: OlderParts;
  frames: number;
  stage: string;
}

export class PartKeeping {
  /** The checkpoint whose frames are coming; 0 between two. */
  private checkpoint = 0;
  /** The last one whose part began: what an error that `step` throws belongs to. */
  newest = 0;
  private part: Part | undefined;
  /** Of the last checkpoint that a manifest names, and of the one whose part is done since. */
  private current = new BlockPlaces(0);
  private done: BlockPlaces | undefined;
  /** What the disk is asked for now. */
  private underWay: Promise<void> | undefined;
  private failure: unknown;
  private chunks: Chunks | undefined;
  private readonly options: PartKeepingOptions;

  constructor(options: PartKeepingOptions) {
    this.options = options;
  }

  /** Takes one frame. @throws what the disk refused */
  step(): StepResult {
    const failure = this.failure ?? this.part?.writer.failure;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    if (this.underWay !== undefined) return 'blocked';
    const { ring, partition } = this.options;
    if (!peek(ring)) return 'idle';
    if (ring.kind === FRAME_BARRIER) this.takeHead(JSON.parse(Buffer.from(this.frame()).toString()));
    else if (this.checkpoint === 0)
      throw new Error(`partition ${partition} sent a frame of kind ${ring.kind} before its part began`);
    else if (ring.kind === FRAME_END) this.takeEnd();
    else if (ring.kind === FRAME_DATA && this.part !== undefined) return this.takeRecord(this.part);
    release(ring);
    return 'progressed';
  }

  get isIdle(): boolean {
    return this.checkpoint === 0 && this.underWay === undefined;
  }

  /** Closes what is open of a checkpoint that was aborted; its frames that still come are dropped. */
  async abandon(checkpoint: number): Promise<void> {
    await this.underWay;
    const { part } = this;
    if (part === undefined || part.head.checkpoint !== checkpoint) return;
    this.part = undefined;
    await part.older.close();
    await part.writer.abandon();
    this.failure ??= part.writer.failure;
  }

  private takeHead(head: PartHead): void {
    const { partition, isAborted } = this.options;
    if (head.partition !== partition || this.checkpoint !== 0) {
      throw new Error(
        `partition ${partition}, in part ${this.checkpoint}, began part ${head.checkpoint} of partition ${head.partition}`,
      );
    }
    this.checkpoint = head.checkpoint;
    this.newest = head.checkpoint;
    if (!isAborted(head.checkpoint)) this.ask(() => this.begin(head));
  }

  private takeEnd(): void {
    const { part } = this;
    this.checkpoint = 0;
    if (part === undefined) return;
    checkCount(part, viewOf(this.frame()).getUint32(0, true));
    this.part = undefined;
    this.ask(() => this.finish(part));
  }

  private ask(act: () => Promise<void>): void {
    this.underWay = act()
      .catch((error: unknown) => {
        this.failure = error;
      })
      .then(() => {
        this.underWay = undefined;
        this.options.wake();
      });
  }

  private async begin(head: PartHead): Promise<void> {
    const { disk, data, store, partition, chunkBytes, wake } = this.options;
    this.current = this.placesOf(head);
    this.done = undefined;
    this.chunks ??= [new Uint8Array(chunkBytes), new Uint8Array(chunkBytes)];
    const directory = unfinishedDirectory(data, head.checkpoint);
    await disk.makeDirectory(directory);
    const writer = await PartWriter.create(
      disk,
      `${directory}/${partName(partition)}`,
      { ...head, store },
      this.chunks,
      wake,
    );
    const places = new BlockPlaces(head.checkpoint);
    const older = new OlderParts(disk, data, store, partition);
    this.part = { head, writer, places, older, refers: new Set(), frames: 0, stage: '' };
  }

  /** The part that SAME refers to. That the last one became a checkpoint is heard from the head of the next. */
  private placesOf({ base, full, checkpoint, partition }: PartHead): BlockPlaces {
    for (const places of [this.done, this.current]) if (places?.checkpoint === base) return places;
    if (full) return new BlockPlaces(0);
    throw new Error(
      `checkpoint ${checkpoint} of partition ${partition} builds on ${base}; known are ${this.current.checkpoint} and ${this.done?.checkpoint}`,
    );
  }

  private takeRecord(part: Part): StepResult {
    const frame = this.frame();
    const view = viewOf(frame);
    const kind = view.getUint32(RECORD_KIND, true);
    const payload = frame.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + view.getUint32(RECORD_BYTES, true));
    if (kind === RECORD_SAME) return this.takeSame(part, viewOf(payload));
    if (!(kind >= RECORD_STAGE && kind <= RECORD_END)) {
      throw new Error(`partition ${part.head.partition} sent a record of kind ${kind}`);
    }
    if (!part.writer.hasRoom(payload.byteLength)) return 'blocked';
    if (kind === RECORD_BLOCK) keepBlock(part, payload);
    else part.writer.append(kind, payload);
    if (kind === RECORD_STAGE) part.stage = JSON.parse(Buffer.from(payload).toString()).stage;
    return this.taken(part);
  }

  private takeSame(part: Part, payload: DataView): StepResult {
    const { head, writer, places, refers, stage } = part;
    const name = readBlockName(payload);
    const place = this.current.get(stage, name);
    if (head.checkpoint - place.checkpoint >= reachOf(name)) {
      if (!writer.hasRoom(BLOCK_HEAD_BYTES + place.usedBytes)) return 'blocked';
      this.ask(() => carryOver(part, place, name));
      return this.taken(part);
    }
    if (!writer.hasRoom(SAME_BYTES)) return 'blocked';
    writer.append(RECORD_SAME, sameOf(name, place));
    places.put(stage, name, place);
    refers.add(place.checkpoint);
    return this.taken(part);
  }

  private taken(part: Part): StepResult {
    part.frames++;
    release(this.options.ring);
    return 'progressed';
  }

  private async finish(part: Part): Promise<void> {
    const { checkpoint, partition } = part.head;
    await part.older.close();
    const written = await part.writer.finish();
    this.done = part.places;
    const refers = [...part.refers].sort((one, two) => one - two);
    this.options.kept(checkpoint, { ...written, partition, refers });
  }

  private frame(): Uint8Array {
    const { ring, memory } = this.options;
    return memory.subarray(ring.payloadOffset, ring.payloadOffset + ring.payloadBytes);
  }
}

/** How many checkpoints back a block's bytes may lie: fewer for some, so that not all are carried over at once. */
const reachOf = ({ index }: BlockName): number => CHECKPOINT_REACH_MAX - (index % (CHECKPOINT_REACH_MAX / 2));

/** @param payload  the writer has room for it */
function keepBlock({ head, writer, places, stage }: Part, payload: Uint8Array): void {
  const name = readBlockName(viewOf(payload));
  const { usedBytes } = name;
  if (usedBytes !== payload.byteLength - BLOCK_HEAD_BYTES) {
    throw new Error(`a block of ${payload.byteLength - BLOCK_HEAD_BYTES} bytes says that it uses ${usedBytes}`);
  }
  const { offset, crc } = writer.append(RECORD_BLOCK, payload);
  places.put(stage, name, { checkpoint: head.checkpoint, offset, usedBytes, crc });
}

async function carryOver(part: Part, place: BlockPlace, name: BlockName): Promise<void> {
  const payload = new Uint8Array(BLOCK_HEAD_BYTES + name.usedBytes);
  await part.older.readBlock(place, name, payload.subarray(BLOCK_HEAD_BYTES));
  writeBlockName(viewOf(payload), name);
  keepBlock(part, payload);
}

function sameOf(name: BlockName, { checkpoint, offset, crc }: BlockPlace): Uint8Array {
  const payload = new Uint8Array(SAME_BYTES);
  const view = viewOf(payload);
  writeBlockName(view, name);
  view.setUint32(SAME_CHECKPOINT, checkpoint, true);
  view.setUint32(SAME_CRC, crc, true);
  view.setFloat64(SAME_OFFSET, offset, true);
  return payload;
}

function checkCount({ head, frames }: Part, said: number): void {
  if (said === frames) return;
  throw new Error(
    `partition ${head.partition} ended its part of checkpoint ${head.checkpoint} with ${said} records, ${frames} came`,
  );
}
