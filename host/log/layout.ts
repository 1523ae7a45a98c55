// host/log/layout.ts — the bytes of the log, on disk and in the inboxes that it is written from. Constants only.
//
//   segment file   ├ segment header 64 ┼ group ┼ group ┼ … ┼ footer 64 (only when sealed) ┼ unwritten or stale ┤
//   group          ├ group header 64 ┼ run ┼ run ┼ … ┤            one commit; its number is the log's offset
//   run            ├ u32 stream ┼ u32 listener ┼ u32 bytes ┼ u32 entries ┼ entry ┼ entry ┼ … ┤
//   entry          ├ entry header 48 ┼ payload ┼ to the next multiple of 8 ┤
//
// A run is copied as it lies in the inbox of one listener for one stream: the listener writes the entry header in front of
// each frame when it takes it in, the log completes it in place and writes whole runs from there. Runs of a group stand in
// order of (stream, listener); that, and the order in a run, is the order of the log.
// All integers little-endian. A u64 is read and written as two u32 or, below 2^53, as their sum.

export const LOG_VERSION = 1;

// Segment header. salt and boot tell a recycled file's stale groups from its own.
export const SEGMENT_MAGIC = 0x474f4c50; // "PLOG"
export const SEGMENT_HEADER_BYTES = 64;
export const SEGMENT_VERSION = 4;
export const SEGMENT_VERSION_MIN = 8;
export const SEGMENT_FEATURES = 12;
export const SEGMENT_STORE = 16; // 16 bytes: the data directory's id
export const SEGMENT_FIRST_GROUP = 32; // u64
export const SEGMENT_BOOT = 40; // u32
export const SEGMENT_SALT = 44; // u32
/** headerCrc of the group before, of which segment it may be: 0 at the log's beginning. */
export const SEGMENT_CHAIN = 48; // u32
export const SEGMENT_RESERVED = 52;
export const SEGMENT_CRC = 60; // u32, over the 60 bytes before

// Group header.
export const GROUP_MAGIC = 0x50524750; // "PGRP"
export const GROUP_HEADER_BYTES = 64;
export const GROUP_HEADER_CRC = 4; // u32, over bytes 8 … 63
export const GROUP_BODY_BYTES = 8; // u32, without the header
export const GROUP_BODY_CRC = 12; // u32
export const GROUP_NUMBER = 16; // u64; dense, from 1 on
export const GROUP_DURABLE = 24; // u64; every group up to this one was durable when this one was written
export const GROUP_INGEST_MS = 32; // i64; never less than the group's before
export const GROUP_BOOT = 40; // u32
export const GROUP_SALT = 44; // u32
export const GROUP_CHAIN = 48; // u32, headerCrc of the group before
export const GROUP_ENTRIES = 52; // u32
export const GROUP_KIND = 56; // u32
export const GROUP_RESERVED = 60;

/** Runs of entries, as producers sent them. */
export const GROUP_DATA = 1;
/** The body is the producer table as it is behind the group before: the first group of every segment. */
export const GROUP_TABLE = 2;
/** No body: says how much is durable, after a while of silence. */
export const GROUP_MARK = 3;
/** The body is a JSON text: a range of groups was given up by an operator. */
export const GROUP_GAP = 4;
/** No body: an engine opened the log; anonymous producers begin anew behind it. */
export const GROUP_BOOTED = 5;

export const RUN_HEADER_BYTES = 16;
export const RUN_STREAM = 0;
export const RUN_LISTENER = 4;
export const RUN_BYTES = 8;
export const RUN_ENTRIES = 12;

// Footer: where the next group would stand, once a segment is sealed.
export const FOOTER_MAGIC = 0x4c414553; // "SEAL"
export const FOOTER_BYTES = 64;
export const FOOTER_CRC = 4; // u32, over bytes 8 … 63
export const FOOTER_SALT = 8;
export const FOOTER_GROUPS = 12; // u32
export const FOOTER_LAST_GROUP = 16; // u64
export const FOOTER_BYTES_USED = 24; // u64: where the footer begins
export const FOOTER_CHAIN = 32; // u32, headerCrc of the last group
export const FOOTER_SEGMENT_CRC = 36; // u32, of everything before the footer

// Entry header.
export const ENTRY_HEADER_BYTES = 48;
export const ENTRY_ALIGN_BYTES = 8;
export const ENTRY_BYTES = 0; // u32: the payload's
export const ENTRY_KIND = 4; // u16
export const ENTRY_VERDICT = 6; // u16, the log's answer; ENTRY_ACCEPTED in every entry on disk
export const ENTRY_PRODUCER = 8; // u32: its number in the producer table; 0 for all anonymous producers
export const ENTRY_EPOCH = 12; // u32
export const ENTRY_SEQUENCE = 16; // u64; of ENTRY_OPEN where its producer goes on, 0 for behind the last
export const ENTRY_INGEST_MS = 24; // f64, epoch milliseconds; the log raises it to the greatest so far
export const ENTRY_VALUE = 32; // f64: of ENTRY_WATERMARK the event time; of ENTRY_OPEN what the table had as last sequence
export const ENTRY_CONNECTION = 40; // u32: which of its listener's connections sent it; no meaning after that
export const ENTRY_GROUP = 44; // u32: of an accepted entry, low half of its group's number; written by the log

export const ENTRY_PAD = 0; // nothing: up to the inbox's end, or over what the listener still needs there; never on disk
export const ENTRY_JSON = 1;
export const ENTRY_ARROW = 2;
export const ENTRY_WATERMARK = 3;
/** The producer says that it is idle, or its listener that it has been silent for too long. */
export const ENTRY_IDLE = 4;
export const ENTRY_END = 5;
/** A producer says hello: the payload is its id in utf8. Opens a group, so that what its older connections sent lies before. */
export const ENTRY_OPEN = 6;

export const ENTRY_ACCEPTED = 0;
/** Its sequence is in the log already: success. ENTRY_VALUE is its group, 0 when that is too long ago. */
export const ENTRY_DUPLICATE = 1;
/** Of a sequence that the log has, with other bytes; ENTRY_VALUE as above. */
export const ENTRY_DUPLICATE_MISMATCH = 2;
/** Its sequence is beyond the next one; ENTRY_VALUE is the one expected. */
export const ENTRY_OUT_OF_SEQUENCE = 3;
/** Another connection, or a newer epoch, speaks for this producer; ENTRY_VALUE is the epoch. */
export const ENTRY_FENCED = 4;
/** A producer that the log does not know, with a sequence other than the first. */
export const ENTRY_UNKNOWN_PRODUCER = 5;
/** A new producer, and the table has as many as it keeps. */
export const ENTRY_TOO_MANY_PRODUCERS = 6;

// An inbox: a ring in the listener's memory, [cursors 256 | data capacityBytes], capacityBytes a power of two. Positions are
// i32, grow and wrap at 2^32; offset = position & (capacityBytes − 1). An entry never wraps: when fewer than
// ENTRY_HEADER_BYTES are left at the end they are skipped, else an ENTRY_PAD header stands there. A pad's bytes behind its
// header may be a frame that is being decoded.
export const INBOX_TAIL = 0; // i32: published by the listener
export const INBOX_WRITTEN = 128; // i32: the log needs no byte before this any more; published by the log
export const INBOX_HEADER_BYTES = 256;

// What the log says to a listener, in a ring of its own (frames of ring/layout.ts, all FRAME_DATA):
//   RELEASED  ├ u32 type ┼ u32 barrier ┼ f64 group ┼ i32 position × streams ┤  entries up to there are yours to answer and decode;
//             each of them has its verdict and group; no later entry is of this group or an earlier one
//             `barrier` is the checkpoint whose barrier stands at this group's end, or 0
//   MOVED     ├ u32 type ┼ u32 stream ┼ f64 group ┼ u32 producer ┼ u16 to ┼ u16 from ┤  from this group on listener `to` decodes this
//             producer, and `from` no more; said to every listener, ahead of the group
//   ADMISSION ├ u32 type ┼ u32 admission ┤                                  whether producers may send
export const SAYS_RELEASED = 1;
export const SAYS_MOVED = 2;
export const SAYS_ADMISSION = 3;

export const ADMIT = 0;
/** A sync takes long: no new credit. */
export const ADMIT_SLOW_DISK = 1;
/** Nothing can be written until there is room: frames are refused with RETRY_LATER. */
export const ADMIT_DISK_FULL = 2;
