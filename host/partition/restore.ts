// host/partition/restore.ts — a partition's state as a checkpoint has it, before its first frame.
//
//   part ─▶ STAGE: whose, its time and next offset ─▶ KEYED, PANE, BLOCK: straight into blocks of its memory ─▶ END
//
// Not here  which checkpoint (checkpoint/recover.ts), what the records mean (assembly/restore.ts).

import { BLOCK_BYTES, RECORD_BYTES_MAX, RESTORE_OK, RESTORE_STATE_FULL } from '../../assembly/layout.ts';
import { CheckpointError } from '../checkpoint/checkpoint-error.ts';
import { BLOCK_HEAD_BYTES } from '../checkpoint/part-layout.ts';
import type { PartRecord, RoomForBlock, StageHead } from '../checkpoint/part-reader.ts';
import type { Kernel } from '../kernel/load.ts';
import { need } from '../thread/flow.ts';

/** A stage that goes on from what a checkpoint has of it. */
export interface RestoredStage {
  readonly id: string;
  /** Its handle in the kernel; 0: it keeps no rows. */
  readonly handle: number;
  goOnFrom(head: StageHead): void;
}

export class PartitionRestore {
  private readonly kernel: Kernel;
  private readonly stages: ReadonlyMap<string, RestoredStage>;
  private readonly scratch: number;
  private stage: RestoredStage | undefined;

  constructor(kernel: Kernel, stages: readonly RestoredStage[]) {
    this.kernel = kernel;
    this.stages = new Map(stages.map((stage) => [stage.id, stage]));
    this.scratch = need(kernel.exports.reserve(RECORD_BYTES_MAX), 'what is read of a checkpoint');
  }

  /** Where the reader puts a block's entries. @throws CheckpointError when the kernel has no place for it */
  readonly room: RoomForBlock = ({ paneStart, index, usedBytes }) => {
    const { exports, u8, u32, f64 } = this.kernel;
    if (this.stage === undefined) return new Uint8Array(usedBytes); // Of a stage that the job has no more.
    f64[this.scratch >>> 3] = paneStart;
    u32.set([index, usedBytes], (this.scratch >>> 2) + 2);
    const block = exports.keyedRestoreBlock(this.stage.handle, this.scratch, BLOCK_HEAD_BYTES) >>> 0;
    if (block < BLOCK_BYTES) this.refuse(block);
    return u8.subarray(block, block + usedBytes);
  };

  async run(records: AsyncIterable<PartRecord>): Promise<void> {
    for await (const record of records) this.take(record);
  }

  private take(record: PartRecord): void {
    if (record.kind === 'stage') {
      this.stage = this.stages.get(record.head.stage);
      this.stage?.goOnFrom(record.head);
      return;
    }
    if (this.stage === undefined) return;
    const { exports } = this.kernel;
    const { handle } = this.stage;
    if (record.kind === 'block') return this.check(exports.keyedRestoreFill(handle));
    this.kernel.u8.set(record.payload, this.scratch);
    const bytes = record.payload.byteLength;
    if (record.kind === 'keyed') this.check(exports.keyedRestoreBegin(handle, this.scratch, bytes, 0, 0, 1));
    if (record.kind === 'pane') this.check(exports.keyedRestorePane(handle, this.scratch, bytes));
    if (record.kind === 'end') this.check(exports.keyedRestoreEnd(handle, this.scratch, bytes));
  }

  private check(answer: number): void {
    if (answer !== RESTORE_OK) this.refuse(answer);
  }

  private refuse(answer: number): never {
    const id = this.stage!.id;
    if (answer === RESTORE_STATE_FULL) {
      throw new CheckpointError(
        'PLAN_INCOMPATIBLE',
        id,
        'its state does not fit the memory given',
        'give more --memory',
      );
    }
    const advice = 'run the job as it was when the checkpoint was made';
    throw new CheckpointError('PLAN_INCOMPATIBLE', id, `the kernel does not take its state (${answer})`, advice);
  }
}
