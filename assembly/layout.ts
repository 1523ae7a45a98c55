// assembly/layout.ts — the bytes that kernels and host agree on. Constants only.
//
// This file is valid AssemblyScript and valid TypeScript: the kernels compile it in, the host imports it,
// so no number below stands anywhere twice. Kernel modules add their own constants next to the picture
// they belong to; what the host must know as well stands here.
//
// A batch: columns of at most BATCH_ROWS_MAX rows, Arrow buffers behind a small directory.
//
//   0            16                       16 + columnCount × 24
//   ├─ header ───┼─ column 0 ─┬─ column 1 ┬─ … ─┼─ buffers, each 8-byte aligned ────┤
//   header  u32 rowCount │ u32 columnCount │ u32 imageBytes │ u32 flags
//   column  u32 type │ u32 nullCount │ u32 validity │ u32 values │ u32 bytes │ u32 bytesLength
//
//   validity  offset of the Arrow validity bitmap (1 = present), 0 when no row is null
//   values    offset of the values; for utf8 of rowCount + 1 i32 offsets into `bytes`; for bool of a bitmap
//   bytes     utf8 only: offset of the bytes; bytesLength is how many belong to it
//
// Every offset is relative to the batch's own first byte and wraps at 2^32. So an *image* (everything
// behind the header, imageBytes long) may be copied anywhere, and a *view* (imageBytes = 0) may point at
// buffers before or behind it in the same memory: address = (batch + offset) mod 2^32.

/** Raised whenever a kernel export or a layout below changes; the host refuses a kernel that disagrees. */
export const ABI_VERSION = 1;

export const BATCH_ROWS_MAX = 4096;
export const BATCH_BYTES_MAX = 262144;

export const BATCH_ROW_COUNT = 0;
export const BATCH_COLUMN_COUNT = 4;
export const BATCH_IMAGE_BYTES = 8;
export const BATCH_FLAGS = 12;
export const BATCH_HEADER_BYTES = 16;

/** The last column is each row's own producer watermark (i64): only batches that may hold late rows carry it. */
export const BATCH_FLAG_WATERMARKS = 1;

export const COLUMN_TYPE = 0;
export const COLUMN_NULL_COUNT = 4;
export const COLUMN_VALIDITY = 8;
export const COLUMN_VALUES = 12;
export const COLUMN_BYTES = 16;
export const COLUMN_BYTES_LENGTH = 20;
export const COLUMN_DESCRIPTOR_BYTES = 24;

/** Physical column types. A timestamp is epoch milliseconds and travels as TYPE_I64. */
export const TYPE_BOOL = 1;
export const TYPE_I32 = 2;
export const TYPE_I64 = 3;
export const TYPE_F64 = 4;
export const TYPE_UTF8 = 5;

/** Event times are legal within what a JavaScript Date can hold, so f64 carries them exactly and nothing overflows. */
export const TIME_MAX = 8640000000000000;
export const TIME_MIN = -8640000000000000;
/** "No watermark yet": below every legal event time. */
export const WATERMARK_NONE = -9007199254740991;

/** State and index memory is taken and given back in blocks of this size, aligned to it, never moved. */
export const BLOCK_BYTES = 65536;

/** Every buffer, image and frame begins at a multiple of this. */
export const ALIGN_BYTES = 8;

// A builder: the open batch that decoders append rows to. It begins with a batch header and its descriptors, so
// the builder's address is the batch's address once it is sealed. Behind them:
//
//   ├ i32 builtRows ┼ i32 rowsMax ┼ i32 bytesMax ┼ u32 rowNumbers ┼ i32 watermarked ┼ i32 reserved ┼ slot 0 ┼ …
//   slot   u32 type │ u32 flags │ u32 values │ u32 validity │ u32 bytes │ u32 reserved     (addresses, not offsets)
//   watermarked   1 once a row of this batch may be late: the last slot then holds each row's producer watermark

/** In a builder plan: a column whose rows may be null. */
export const BUILDER_NULLABLE = 1;
/** In a builder plan: the event time; decoders refuse values outside TIME_MIN … TIME_MAX. */
export const BUILDER_EVENT_TIME = 2;

export const BUILDER_ROWS = 0;
export const BUILDER_ROWS_MAX = 4;
export const BUILDER_BYTES_MAX = 8;
export const BUILDER_ROW_NUMBERS = 12;
export const BUILDER_WATERMARKED = 16;
export const BUILDER_FIELDS_BYTES = 24;

export const SLOT_TYPE = 0;
export const SLOT_FLAGS = 4;
export const SLOT_VALUES = 8;
export const SLOT_VALIDITY = 12;
export const SLOT_BYTES = 16;
export const SLOT_BYTES_TOTAL = 24;

// Why a row is refused. Decoders write one reject per refused row:
//   ├ u32 row (index in its frame) ┼ u32 reason ┼ i32 column (−1: the row as a whole) ┼ u32 at (byte in the frame) ┤
export const REJECT_ROW = 0;
export const REJECT_REASON = 4;
export const REJECT_COLUMN = 8;
export const REJECT_AT = 12;
export const REJECT_BYTES = 16;
/** Rejects that one decode call lists by name; more are counted, not listed. */
export const REJECTS_LISTED_MAX = 64;

export const REASON_SYNTAX = 1; // not JSON, or a bare scalar where a row should stand
export const REASON_UTF8 = 2; // bytes that are not UTF-8
export const REASON_DEPTH = 3; // nested deeper than the decoder goes
export const REASON_MISSING = 4; // a field that must be there is absent
export const REASON_NULL = 5; // a field that must have a value is null
export const REASON_TYPE = 6; // a value of another type than the schema's
export const REASON_RANGE = 7; // a number that the column cannot hold exactly
export const REASON_TIME_RANGE = 8; // an event time outside TIME_MIN … TIME_MAX
export const REASON_DUPLICATE = 9; // the same field twice in one row
export const REASON_ROW_SIZE = 10; // one row larger than a batch may be
export const REASON_KEY_NULL = 11; // a null key where the job says nullKey: 'error'
export const REASON_FUNCTION = 12; // a JavaScript function of the job threw
export const REASON_SURROGATE = 13; // an escape that is half a surrogate pair, in a field that is read
export const REASON_KEY_SIZE = 14; // a key longer than KEY_BYTES_MAX

/** The longest serialised key: several must fit into one state block. */
export const KEY_BYTES_MAX = 16384;

// A scatter plan (scatter.ts): how rows find their partition, and which columns travel.
//   ├ header 32 ┼ keyColumnCount × (u32 column of the batch │ u32 type) ┼ columnCount × (u32 column of the batch │ u32 type) ┤
// The group table is groupCount × u16 partition at `groupTable` bytes from the plan's first byte.
export const SCATTER_PARTITION_COUNT = 0;
export const SCATTER_GROUP_COUNT = 4;
export const SCATTER_KEY_COLUMN_COUNT = 8;
export const SCATTER_COLUMN_COUNT = 12;
export const SCATTER_ROWS_MAX = 16;
export const SCATTER_IMAGE_BYTES_MAX = 20;
export const SCATTER_NULL_KEY = 24;
export const SCATTER_GROUP_TABLE = 28;
export const SCATTER_HEADER_BYTES = 32;
export const SCATTER_COLUMN_BYTES = 8;

// A piece of an image, for whoever puts it together:  u32 from, an address │ u32 to, from the image's start │ u32 bytes
export const PIECE_FROM = 0;
export const PIECE_TO = 4;
export const PIECE_LENGTH = 8;
export const PIECE_BYTES = 12;
export const SCATTER_PARTITIONS_MAX = 256;

/** In a scatter plan: a row whose key is null (any part of it is) is listed for rejection, listed as dropped, or routed like any other. */
export const NULL_KEY_ERROR = 0;
export const NULL_KEY_DROP = 1;
export const NULL_KEY_GROUP = 2;

/** Length of a null part in a composite key's serialised bytes. */
export const KEY_PART_NULL = 4294967295;
// JSON decoder: what jsonNext answers.
export const JSON_DONE = 0; // the frame is used up
export const JSON_FULL = 1; // the builder is full: seal, reset, call again
export const JSON_REJECTS_FULL = 2; // REJECTS_LISTED_MAX rejects are listed: read them, call again
/** Arrays and objects that a field of a row may nest; deeper is REASON_DEPTH. */
export const JSON_DEPTH_MAX = 64;
// Arrow room. What arrowNext answers when nothing is wrong; a broken stream is answered with −(its ARROW_ code).
export const ARROW_DONE = 0;
export const ARROW_FULL = 1; // the builder is full by rows or bytes: seal, reset, call again
export const ARROW_REJECTS_FULL = 2; // REJECTS_LISTED_MAX rejects stand in the list: read them, call again

// What is wrong with a stream as a whole (arrowBegin; texts in host/decode/arrow-errors.ts).
export const ARROW_OK = 0;
export const ARROW_TRUNCATED = 1; // the bytes end inside a message
export const ARROW_NOT_STREAM = 2; // the first bytes are no IPC message
export const ARROW_FILE_FORMAT = 3; // begins with ARROW1: the file format
export const ARROW_METADATA = 4; // a flatbuffer that points outside itself or lacks what must be there
export const ARROW_METADATA_VERSION = 5; // older than V4, or newer than V5
export const ARROW_MESSAGE_KIND = 6; // tensor, a second schema, or a batch before the schema
export const ARROW_BIG_ENDIAN = 7;
export const ARROW_COMPRESSED = 8;
export const ARROW_FIELDS_LIMIT = 9; // more than ARROW_FIELDS_MAX fields, or deeper than ARROW_DEPTH_MAX
export const ARROW_UNKNOWN_TYPE = 10; // a type number that Arrow's format of today does not have
export const ARROW_COLUMN_MISSING = 11;
export const ARROW_COLUMN_DUPLICATE = 12;
export const ARROW_COLUMN_TYPE = 13;
export const ARROW_COLUMN_VIEW = 14; // utf8_view, binary_view
export const ARROW_COLUMN_NESTED = 15;
export const ARROW_DICTIONARY_TYPE = 16; // a dictionary whose values are not utf8
export const ARROW_BUFFERS = 17; // nodes and buffers do not fit the schema, the row count or the body
export const ARROW_NULL_COUNT = 18; // null count and validity bitmap disagree
export const ARROW_OFFSETS = 19; // utf8 offsets that fall, or lie outside the bytes
export const ARROW_DICTIONARY_INDEX = 20; // an index without a dictionary entry
export const ARROW_DICTIONARY_DELTAS = 21; // more than ARROW_DELTAS_MAX pieces of one dictionary
export const ARROW_DICTIONARY_UTF8 = 22; // dictionary bytes that are not UTF-8
export const ARROW_ROWS_LIMIT = 23; // more rows than the bytes can hold (8 a byte)
export const ARROW_TRAILING = 24; // bytes behind the end-of-stream mark

/** A schema's fields, nested ones included; a crafted metadata block can reach one field exponentially often. */
export const ARROW_FIELDS_MAX = 16384;
export const ARROW_DEPTH_MAX = 64;
/** Pieces (first batch and deltas) of one dictionary that are kept at a time; a lookup walks them. */
export const ARROW_DELTAS_MAX = 64;

/** In an encodeJson plan: a field whose value is the call's `partition`, or its `base` + row. */
export const ENCODE_PARTITION = -1;
export const ENCODE_OFFSET = -2;
// Keyed stages (keyed.ts). A plan is written 8-aligned by the host, once:
//   0 u32 keyColumnCount │ u32 aggregateCount │ u32 seedLow │ u32 seedHigh │ i64 windowSizeMs │ i64 windowOffsetMs
//   32 u32 outRowsMax │ u32 reserved │ keyColumnCount × { u32 columnIndex │ u32 type }
//     │ aggregateCount × { u32 function │ u32 columnIndex │ u32 type │ u32 flags }
export const KEYED_PLAN_HEADER_BYTES = 40;
export const KEY_COLUMNS_MAX = 16;
export const AGGREGATES_MAX = 64;
/** Windows that one stage may hold open at the same time. */
export const OPEN_WINDOWS_MAX = 16384;

export const AGGREGATE_COUNT = 1;
export const AGGREGATE_SUM = 2;
export const AGGREGATE_MIN = 3;
export const AGGREGATE_MAX = 4;
export const AGGREGATE_AVG = 5;
export const AGGREGATE_FIRST = 6;
export const AGGREGATE_LAST = 7;
/** In an aggregate of a plan, instead of a column: count(*). */
export const NO_COLUMN = 4294967295;
/** In an aggregate of a plan: the column may hold nulls. */
export const AGGREGATE_NULLABLE = 1;

export const PUSH_OK = 0;
export const PUSH_STATE_FULL = 1;
/** A snapshot is in the way of a row: sweep on, then push the same batch from keyedPausedAt on. */
export const PUSH_PAUSED = 2;

/** keyedFire, keyedSweep: not even one row, or one record, fits into the bytes given. */
export const OUT_TOO_SMALL = -1;

export const COUNTER_LATE_ROWS = 0;
export const COUNTER_CLOSED_ROWS = 1;
export const COUNTER_SUM_OVERFLOWS = 2;
export const COUNTER_OPEN_WINDOWS = 3;
export const COUNTER_OPEN_ROWS = 4;
export const COUNTER_ENTRIES = 5;
export const COUNTER_STATE_BYTES = 6;

/** Result columns before the keys: time (window end − 1), window start, window end. */
export const RESULT_TIME_COLUMNS = 3;

// Checkpoints of a keyed stage (barrier.ts, sweep.ts, restore.ts). Their records, little-endian:
//   ├ u32 kind ┼ u32 payload bytes ┼ u32 crc32 of the payload, 0 from the kernel ┼ u32 0 ┼ payload, padded to 8 ┤
//   KEYED  what the stage is and its counters (state-layout.ts has the picture)
//   PANE   f64 start │ f64 rows │ u32 entries │ u32 blocks │ u32 index of the first block │ u32 its bytes fired already
//   BLOCK  f64 start of its pane │ u32 index in the pane │ u32 usedBytes │ entries (stage.ts)
//   SAME   f64 start of its pane │ u32 index in the pane │ u32 usedBytes │ u32 checkpoint │ u32 0 │ f64 file offset
//          as `base` has it; where that is, whoever writes the file fills in
//   END    u32 how many PANE, BLOCK and SAME records │ u32 digest
export const RECORD_HEADER_BYTES = 16;
/** The records that the host writes itself. */
export const RECORD_STAGE = 1;
export const RECORD_KEYED = 2;
export const RECORD_PANE = 3;
export const RECORD_BLOCK = 4;
export const RECORD_SAME = 5;
export const RECORD_END = 6;
/** The longest record: a full block. */
export const RECORD_BYTES_MAX = 65568;
export const KEYED_RECORD_VERSION = 1;

export const BARRIER_OK = 0;
export const BARRIER_BUSY = 1;
export const BARRIER_STALE = 2;

/** Copies that one push makes before it pauses, unless told otherwise: 4 MiB, about a millisecond. */
export const COPY_BLOCKS_PUSH_MAX = 64;
/** Copies that wait for the sweep at a time, unless told otherwise: 16 MiB. */
export const SPARE_BLOCKS_MAX = 256;

/** In the flags of an aggregate of a plan, from this bit on: in which change of the job it was added, 0 for the first plan. */
export const AGGREGATE_GENERATION_SHIFT = 8;

export const RESTORE_OK = 0;
export const RESTORE_FOREIGN = 1; // no record of a keyed stage, or of another version
export const RESTORE_PLAN = 2; // of a stage with other keys or windows, or without state that this plan needs
export const RESTORE_CORRUPT = 3; // a record that cannot be, or that contradicts the others
export const RESTORE_STATE_FULL = 5; // the arena cannot hold it
/** Another layout of the same keys: entries can be taken, whole blocks cannot. */
export const RESTORE_ENTRIES = 6;
