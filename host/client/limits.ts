// host/client/limits.ts — every bound of the client's side of the wire. Options move those that a user may move.

const MiB = 1024 * 1024;

/** How long an engine may take to shake hands, to greet, and to answer a request or a close. */
export const HANDSHAKE_MS_MAX = 10_000;
export const ANSWER_MS_MAX = 10_000;
export const CLOSE_MS_MAX = 2_000;

/** A refusal's body: names of streams or sinks. */
export const REFUSAL_BYTES_MAX = 65536;
/** One message of results is an Arrow stream of one batch, or as many JSON lines; this is far above both. */
export const MESSAGE_BYTES_MAX = 64 * MiB;
/** Results received and not yet taken by the reader; beyond it the socket is not read. */
export const QUEUE_BYTES_MAX = 4 * MiB;

/** Given to a producer and not settled; beyond it `append` and `send` return a promise to wait for. */
export const PENDING_BYTES_MAX = 16 * MiB;
/** Whoever does not wait is refused at so many times that bound. */
export const PENDING_OVERRUN = 2;
/** What a frame takes of it at least: its record here, so that tiny frames are bounded too. */
export const FRAME_HELD_BYTES_MIN = 256;

/** Records leave when so many bytes or rows have come together, or the first of them has waited so long. */
export const BATCH_BYTES_MAX = 256 * 1024;
export const BATCH_ROWS_MAX = 16_384;
export const LINGER_MS = 5;

/** A lost connection is opened again after a random time below base · 2^n, at most the cap, until the time is over. */
export const BACKOFF_BASE_MS = 100;
export const BACKOFF_CAP_MS = 10_000;
export const RETRY_MS_MAX = 120_000;

/** An open connection is asked for a sign of life so often, and given up when none came for so long. */
export const SILENT_MS_MAX = 45_000;
