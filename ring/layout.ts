// ring/layout.ts — the bytes both sides of a ring agree on. Constants only.
//
// A ring is a region of a SharedArrayBuffer, mostly inside the receiving partition's own memory, so that a
// kernel reads a frame where it arrived:
//
//   base      +128       +256                                     +256 + capacityBytes
//   ├─ head ──┼─ tail ───┼─ data ─────────────────────────────────┤
//   head  the consumer's position    tail  the producer's position    (i32; they grow and wrap at 2^32)
//   behind the tail, in its line: 1 when the producer was refused and has not been told since that there is room
//   offset in data = position & (capacityBytes − 1); head === tail means empty, so zeroed memory is an empty ring
//
//   a frame begins at a multiple of 16 and never wraps: what is left at the end of the data becomes a padding frame
//   ├ i32 payloadBytes ┼ i32 kind ┼ i32 position ┼ i32 seal ┼ payload … ┼ to the next multiple of 16 ┤
//   position  where the frame itself begins    seal  the three words before, mixed: a torn or stale header disagrees

/** Two cache lines: the neighbour is fetched too, and neither side should pay for the other's stores. */
export const CURSOR_STRIDE_BYTES = 128;
export const HEAD_OFFSET = 0;
export const TAIL_OFFSET = HEAD_OFFSET + CURSOR_STRIDE_BYTES;
export const REFUSED_OFFSET = TAIL_OFFSET + 4;
/** Bytes of a region before its data: RING_HEADER + capacityBytes is what one ring takes. */
export const RING_HEADER = TAIL_OFFSET + CURSOR_STRIDE_BYTES;

export const FRAME_PAYLOAD_BYTES = 0;
export const FRAME_KIND = 4;
export const FRAME_POSITION = 8;
export const FRAME_SEAL = 12;
export const FRAME_HEADER_BYTES = 16;
/** One v128: a batch image at the head of a payload has its buffers aligned for SIMD. */
export const FRAME_ALIGN_BYTES = 16;

/** Any word will do that is not zero: zeroed memory must not look like a sealed header. */
export const SEAL = 0x5045_4c54;

/** A frame takes at most this part of the ring, so padding costs less than an eighth and the other side sees progress early. */
export const FRAMES_PER_RING_MIN = 8;
/** Eight frames of one header and one aligned payload. */
export const CAPACITY_BYTES_MIN = FRAMES_PER_RING_MIN * 2 * FRAME_ALIGN_BYTES;
/** Positions are i32 and wrap, so a difference is exact only below 2^31. */
export const CAPACITY_BYTES_MAX = 2 ** 30;

/** What a frame is; the ring carries the kind and never acts on it. */
export const FRAME_PADDING = 0;
export const FRAME_DATA = 1;
export const FRAME_WATERMARK = 2;
export const FRAME_BARRIER = 3;
export const FRAME_IDLE = 4;
export const FRAME_END = 5;
/** Everything of a group of the log, and of every group before it, has been handed on. */
export const FRAME_GROUP = 6;
export const FRAME_KIND_MAX = FRAME_GROUP;
