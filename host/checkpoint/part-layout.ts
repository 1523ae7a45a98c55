// host/checkpoint/part-layout.ts — the bytes of a part file: the state of one partition in one checkpoint. Constants only.
//
//   ├ header 64 ┼ record ┼ record ┼ … ┼ record PART_END ┤      little-endian; records begin at multiples of 8
//
//   header   ├ u32 magic ┼ u32 version ┼ u32 checkpoint ┼ u32 partition ┼ u32 partitions ┼ store 16 ┼ plan 16 ┼ 8 × 0 ┼ u32 crc ┤
//   record   ├ u32 kind ┼ u32 bytes ┼ u32 crc ┼ u32 chain ┼ payload, `bytes` long ┼ zeros to a multiple of 8 ┤
//
//   crc      CRC-32 of the payload; of the header: of the 60 bytes before it
//   chain    CRC-32 of the record's first 12 bytes, going on from the chain of the record before (the first: from the
//            header's crc). So a record that was swapped, doubled or left out is noticed where it stands, a length is
//            trusted only when it is right, and the chain of PART_END stands for the whole file: META names it as the digest.
//
//   STAGE    JSON: which operator the records after it belong to, and what the host keeps for it
//   KEYED    a keyed stage's own record: its layout and counters (assembly/state-layout.ts)
//   PANE     ├ f64 start ┼ f64 rows ┼ u32 entryCount ┼ u32 blocks ┼ u32 first block ┼ u32 its bytes fired ┤
//   BLOCK    ├ f64 start of its pane ┼ u32 index in it ┼ u32 usedBytes ┼ entries ┤      (assembly/stage.ts; they hold no address)
//   SAME     ├ f64 start of its pane ┼ u32 index in it ┼ u32 usedBytes ┼ u32 checkpoint ┼ u32 crc ┼ f64 offset ┤
//            the block is the BLOCK record at `offset` of that checkpoint's part of this partition, whose crc is `crc`
//   END      ends the records of a keyed stage, as the kernel counts them
//   PART_END ├ u32 records before it ┼ u32 chain before it ┤
//
// A ring from a partition to the keeper carries the same records: FRAME_BARRIER a JSON head (PartHead, keeper-message.ts),
// FRAME_DATA one record, as the kernel's sweep wrote it (crc and chain 0; SAME without checkpoint, crc, offset),
// FRAME_END ├ u32 how many FRAME_DATA ┤.

export const PART_MAGIC = 0x54525050; // "PPRT"
export const PART_VERSION = 1;

export const PART_HEADER_BYTES = 64;
export const HEADER_MAGIC = 0;
export const HEADER_VERSION = 4;
export const HEADER_CHECKPOINT = 8;
export const HEADER_PARTITION = 12;
export const HEADER_PARTITIONS = 16;
export const HEADER_STORE = 20;
export const HEADER_PLAN = 36;
export const HEADER_PLAN_BYTES = 16;
export const HEADER_CRC = 60;

export const RECORD_HEADER_BYTES = 16;
export const RECORD_KIND = 0;
export const RECORD_BYTES = 4;
export const RECORD_CRC = 8;
export const RECORD_CHAIN = 12;

export const RECORD_STAGE = 1;
export const RECORD_KEYED = 2;
export const RECORD_PANE = 3;
export const RECORD_BLOCK = 4;
export const RECORD_SAME = 5;
export const RECORD_END = 6;
export const RECORD_PART_END = 7;

/** A BLOCK's head and a SAME's begin with the same three. */
export const BLOCK_PANE_START = 0;
export const BLOCK_INDEX = 8;
export const BLOCK_USED_BYTES = 12;
/** The entries begin here. */
export const BLOCK_HEAD_BYTES = 16;

export const SAME_CHECKPOINT = 16;
export const SAME_CRC = 20;
export const SAME_OFFSET = 24;
export const SAME_BYTES = 32;

export const PART_END_RECORDS = 0;
export const PART_END_CHAIN = 4;
export const PART_END_BYTES = 8;
