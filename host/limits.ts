// host/limits.ts — every bound of the engine, and the sums that derive one from another.
//
// A bound that a user may move is a field of EngineLimits with its default below; the rest are constants.

import { BATCH_BYTES_MAX, BATCH_HEADER_BYTES, BLOCK_BYTES, COLUMN_DESCRIPTOR_BYTES } from '../assembly/layout.ts';

export const MiB = 1024 * 1024;

/** A frame never takes more than this share of its ring, so that eight may be under way. */
export const RING_FRAME_SHARE = 8;

/** Control frames are this long; see host/thread/control-frame.ts. */
export const CONTROL_FRAME_BYTES = 24;

/** In front of every image in a ring that leads out: which output, and the first row's offset. */
export const RESULT_HEADER_BYTES = 16;

/** Kernels may load up to this far behind the bytes they were given. */
export const OVER_READ_BYTES = 64;

/** Partition threads at most: a partition's index travels in 8 bits of a group table entry. */
export const PARTITIONS_MAX = 128;
export const LISTENERS_MAX = 16;

/** Key groups: fixed for the life of the state; group i equals partition i of a Kafka topic with as many partitions. */
export const KEY_GROUPS = 128;

/** One partition's memory: wasm32 cannot address more. */
export const PARTITION_MEMORY_BYTES_MAX = 4096 * MiB;

/** At this share of a partition's memory no more credit is granted; at 1 the run stops. */
export const STATE_CREDIT_SHARE = 0.75;

/** The largest frame that an engine takes is bounded by what uWebSockets reserves per connection. */
export const UWS_PAYLOAD_FACTOR = 2;

/** Frames of one connection that may wait for a decision of the control thread (its hello). */
export const HELLO_WAIT_BYTES_MAX = MiB;

/** Rejected rows that one acknowledgement names; the rest are counted. */
export const REJECTS_NAMED_MAX = 16;

/** Acknowledgements that wait for one producer; beyond it the producer is closed. */
export const ACK_BYTES_MAX = MiB;

/** What a frame takes of its inbox at least: its record, so that empty frames are bounded too. */
export const FRAME_HELD_BYTES_MIN = 64;

export const PRODUCER_ID_BYTES_MAX = 128;

/** Rounds of work a listener does before it lets the event loop look at its sockets. */
export const LISTENER_STEPS_PER_TURN = 64;

/** What is read of the log at once to be decoded again: the largest group fits, which is a table of all producers. */
export const LOG_READ_BYTES = 16 * MiB;

/** A file of the log that is larger is none of ours: it is not read into memory. */
export const LOG_FILE_BYTES_MAX = 1024 * MiB;

/** What a partition's checkpoint is written in: chunks of this size, two of them. */
export const CHECKPOINT_CHUNK_BYTES_MAX = MiB;
/** The chunks of all partitions together; with many partitions each chunk is smaller. */
export const CHECKPOINT_BUFFER_BYTES_MAX = 32 * MiB;
/** A block's bytes lie at most so many checkpoints back; then the keeper carries them over. */
export const CHECKPOINT_REACH_MAX = 8;
/** Checkpoints that are kept, savepoints besides. */
export const CHECKPOINTS_KEPT = 3;

/** Each of a partition's two chunks: the share of the buffer, never less than a block with its heads takes. */
export function checkpointChunkBytes(partitions: number): number {
  const share = Math.floor(CHECKPOINT_BUFFER_BYTES_MAX / (2 * partitions) / 4096) * 4096;
  return Math.max(2 * BLOCK_BYTES, Math.min(CHECKPOINT_CHUNK_BYTES_MAX, share));
}

/** How long a graceful stop may take before it is ended the hard way. */
export const STOP_MS_MAX = 30_000;

export interface EngineLimits {
  /** Capacity of each ring, a power of two. */
  ringBytes: number;
  /** Largest data frame: RING_FRAME_SHARE of a ring, at most BATCH_BYTES_MAX. Derived. */
  imageBytesMax: number;
  /** Raw frames that wait at one listener, its streams' shares together. */
  inboxBytes: number;
  /** Largest WebSocket message or HTTP body. */
  frameBytesMax: number;
  /** Unacknowledged bytes that one connection may have under way, at most. */
  creditBytesMax: number;
  /** Memory of one partition, rings and state. */
  partitionMemoryBytes: number;
  /** A thread that is awake and has finished no step for this long is taken for stuck: the run ends. */
  threadSilentMsMax: number;
  /** A connection that has neither finished a frame nor answered a ping for this long is closed. */
  connectionSilentMsMax: number;
  /** Results that wait for one subscriber; beyond it the subscriber is cut off with the offset to resume from. */
  subscriberBytesMax: number;
  /** Distinct named producers per stream and listener. */
  producersMax: number;
  /** Memory of one listener besides its inboxes: builders, images, programs. */
  listenerMemoryBytes: number;
}

const RING_BYTES = MiB;

export type LimitOverrides = Partial<
  Omit<EngineLimits, 'imageBytesMax' | 'partitionMemoryBytes' | 'listenerMemoryBytes'>
>;

/**
 * @param memoryBytes  what all partitions share (--memory)
 * @param overrides    tests make rings small to be full at once
 */
export function engineLimits(memoryBytes: number, partitions: number, overrides: LimitOverrides = {}): EngineLimits {
  const ringBytes = overrides.ringBytes ?? RING_BYTES;
  const inboxBytes = overrides.inboxBytes ?? 32 * MiB;
  return {
    ringBytes,
    imageBytesMax: imageBytesMax(ringBytes),
    inboxBytes,
    frameBytesMax: overrides.frameBytesMax ?? 4 * MiB,
    creditBytesMax: overrides.creditBytesMax ?? 4 * MiB,
    partitionMemoryBytes: Math.min(PARTITION_MEMORY_BYTES_MAX, Math.floor(memoryBytes / partitions / 65536) * 65536),
    threadSilentMsMax: overrides.threadSilentMsMax ?? 60_000,
    connectionSilentMsMax: overrides.connectionSilentMsMax ?? 120_000,
    subscriberBytesMax: overrides.subscriberBytesMax ?? 8 * MiB,
    producersMax: overrides.producersMax ?? 10_000,
    listenerMemoryBytes: 512 * MiB,
  };
}

/** Kept free behind every data frame: its own and its result's header, and the control frames that follow it. */
export const FRAME_SPARE_BYTES = 256;

/** What of a ring's largest frame is left for an image. */
export function imageBytesMax(ringBytes: number): number {
  return Math.min(BATCH_BYTES_MAX, ringBytes / RING_FRAME_SHARE) - FRAME_SPARE_BYTES;
}

/**
 * Rows of a batch such that its fixed-width part fits one image with half of it left for utf8 bytes.
 *
 * @param rowBytes  fixed bytes of one row: 8 per i64 or f64, 4 per i32 or utf8 offset, 1/8 per bitmap bit
 */
export function rowsMaxOf(rowBytes: number, columnCount: number, hasUtf8: boolean, imageBytes: number): number {
  const directory = BATCH_HEADER_BYTES + columnCount * (COLUMN_DESCRIPTOR_BYTES + 24);
  const room = (imageBytes - directory) * (hasUtf8 ? 0.5 : 1);
  return Math.max(1, Math.min(4096, Math.floor(room / Math.max(rowBytes, 1 / 8)) & ~7 || 1));
}

export interface ProducerLimits {
  /** Named producers of all streams that the log knows at once. */
  producersMax: number;
  /** Silent for longer than this, by the time in the log: forgotten but for id, epoch and last sequence. */
  horizonMs: number;
  /** How many of those are kept. */
  expiredMax: number;
  /** Last frames of a producer whose group and checksum are known; an older duplicate is a success without a group. */
  rememberedMax: number;
}

export interface LogLimits extends ProducerLimits {
  /** Where a segment is sealed and the next begins; segments are preallocated at this size. */
  segmentBytes: number;
  /** Of one group, headers included; a larger entry is a group alone. */
  groupBytesMax: number;
  groupEntriesMax: number;
  /** Pieces of one group: a write takes at most 1,024 views, two of them per run and one for the header. */
  groupRunsMax: number;
  /** Written and not yet covered by a sync, and formed and not yet written: beyond it entries wait in their inboxes. */
  unsyncedBytesMax: number;
  /** Prepared files: the next segment's, and those that retention gives back; more are removed. */
  sparesMax: number;
  /** Held by a file that is given up when the disk is full, so that what makes room has room. */
  ballastBytes: number;
  /** How long the log is silent before it says on disk how much of it is durable. */
  markAfterMs: number;
  /** A sync that takes longer stops admission. */
  syncSlowMs: number;
  /** How often a full disk is asked whether there is room again. */
  roomEveryMs: number;
  /** What waits for a listener's ring at most before no further group is formed. */
  saysWaitingMax: number;
}

/** The producer table stands in every segment: with these bounds it takes at most 11 MiB of 64. */
export function logLimits(overrides: Partial<LogLimits> = {}): LogLimits {
  return {
    producersMax: 10_000,
    // A hundred times the longest outage that a client is asked to bridge.
    horizonMs: 24 * 3_600_000,
    expiredMax: 10_000,
    rememberedMax: 64,
    segmentBytes: 64 * MiB,
    groupBytesMax: 4 * MiB,
    groupEntriesMax: 16_384,
    groupRunsMax: 500,
    unsyncedBytesMax: 16 * MiB,
    sparesMax: 2,
    ballastBytes: 64 * MiB,
    markAfterMs: 1000,
    syncSlowMs: 1000,
    roomEveryMs: 500,
    saysWaitingMax: 64,
    ...overrides,
  };
}
