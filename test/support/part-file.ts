// test/support/part-file.ts — what a keeper of part files does with a stage's records, in memory: SAME finds its bytes.

import { RECORD_BLOCK, RECORD_SAME } from '../../assembly/layout.ts';
import { BLOCK_HEAD_BYTES, type SweptRecord } from './keyed.ts';

/** Start, index and used bytes of a block: what names its bytes in a checkpoint. */
const nameOf = ({ payload }: SweptRecord) => Buffer.from(payload.subarray(0, BLOCK_HEAD_BYTES)).toString('hex');

/** One whole checkpoint, every SAME replaced by the BLOCK of the one before. */
export class PartFile {
  readonly records: SweptRecord[] = [];
  sameCount = 0;
  private readonly base: PartFile | undefined;
  private readonly blocks = new Map<string, SweptRecord>();

  constructor(base: PartFile | undefined) {
    this.base = base;
  }

  add(record: SweptRecord): void {
    if (record.kind === RECORD_SAME) this.sameCount++;
    const whole = record.kind === RECORD_SAME ? this.base?.blocks.get(nameOf(record)) : record;
    if (whole === undefined) throw new Error(`SAME ${nameOf(record)}: the base does not have it`);
    if (whole.kind === RECORD_BLOCK) {
      if (this.blocks.has(nameOf(whole))) throw new Error(`BLOCK ${nameOf(whole)} twice`);
      this.blocks.set(nameOf(whole), whole);
    }
    this.records.push(whole);
  }
}
