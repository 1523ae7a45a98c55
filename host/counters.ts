// host/counters.ts — what each thread counts, in memory that every thread may read.
//
// One row of f64 cells per thread (8-byte stores do not tear on the platforms we run on); only the owner writes
// its row, so nothing is atomic. A cell is named once, here, with its Prometheus name and help text.

/** Cells of every thread's row, in order. `{reason}`-like labels are separate cells with one metric name. */
export const COUNTERS = [
  ['framesReceived', 'pelton_frames_received_total', 'Frames that producers sent'],
  ['bytesReceived', 'pelton_bytes_received_total', 'Bytes of those frames'],
  ['framesRefused', 'pelton_frames_refused_total', 'Frames refused whole, by name'],
  ['framesOversize', 'pelton_frames_oversize_total', 'Frames over the frame limit'],
  ['connectionsOpened', 'pelton_connections_opened_total', 'Connections accepted'],
  ['connectionsClosed', 'pelton_connections_closed_total', 'Connections closed'],
  ['connectionsAborted', 'pelton_connections_aborted_total', 'Connections that ended without a close frame'],
  ['rowsAccepted', 'pelton_events_total', 'Rows decoded and accepted'],
  ['rowsFiltered', 'pelton_events_filtered_total', 'Rows that a filter of the job took out'],
  ['rowsNullKey', 'pelton_events_null_key_total', 'Rows dropped for a null key (nullKey: drop)'],
  ['batchesRouted', 'pelton_batches_total', 'Batches sealed and routed'],
  ['rowsRouted', 'pelton_events_routed_total', 'Rows written into partition rings'],
  ['rowsAggregated', 'pelton_events_aggregated_total', 'Rows that a window took'],
  ['rowsLate', 'pelton_events_late_total', "Rows whose window had closed by their own producer's watermark"],
  ['rowsClosed', 'pelton_events_closed_total', 'Rows whose window had closed through another producer or idleness'],
  ['sumOverflows', 'pelton_sum_overflows_total', 'Integer sums that did not fit 64 bits; the result is null'],
  ['expressionOverflows', 'pelton_expression_overflows_total', 'Integer results of expressions that did not fit'],
  ['openWindows', 'pelton_open_windows', 'Windows with rows that have not been emitted'],
  ['openRows', 'pelton_open_window_events', 'Rows in those windows'],
  ['stateEntries', 'pelton_state_entries', 'Live entries of the state tables'],
  ['stateBytes', 'pelton_state_bytes', 'Memory that state and rings hold'],
  ['stateBytesMax', 'pelton_state_bytes_max', 'Memory that state may hold'],
  ['resultRows', 'pelton_results_total', 'Result rows'],
  ['resultBytes', 'pelton_result_bytes_total', 'Bytes of encoded results'],
  ['subscribersCut', 'pelton_subscribers_cut_total', 'Subscribers cut off because they did not read'],
  ['subscribers', 'pelton_subscribers', 'Subscribers now'],
  ['inboxBytes', 'pelton_inbox_bytes', 'Raw frames waiting at a listener'],
  ['groupsBehind', 'pelton_log_groups_behind', 'Groups of the log that a listener has yet to read back and decode'],
  ['logGroups', 'pelton_log_groups_total', 'Groups written to the log'],
  ['logBytes', 'pelton_log_bytes_total', 'Bytes of those groups'],
  ['logSyncs', 'pelton_log_syncs_total', 'Syncs of the log'],
  ['logUnsyncedBytes', 'pelton_log_unsynced_bytes', 'Bytes of groups that no sync covers yet'],
  ['steps', 'pelton_steps_total', 'Steps of the thread that did something'],
  ['sleeps', 'pelton_sleeps_total', 'Times the thread went to sleep'],
  ['beats', 'pelton_beats_total', 'Times the event loop of the thread came round'],
  ['blocked', 'pelton_blocked_total', 'Times the thread found a ring ahead full'],
] as const;

export type CounterName = (typeof COUNTERS)[number][0];

/** Why a sender was refused as a whole: the codes of PROTOCOL.md, each with a count of its own. */
export const REFUSALS = [
  'BAD_CONTROL',
  'LATE_HELLO',
  'FRAME_TOO_LARGE',
  'FRAME_UNFINISHED',
  'CREDIT_EXCEEDED',
  'ACKS_UNREAD',
  'TOO_MANY_PRODUCERS',
  'FENCED',
  'OUT_OF_SEQUENCE',
  'UNKNOWN_PRODUCER',
  'DUP_MISMATCH',
  'SHUTTING_DOWN',
  'RETRY_LATER',
  'SUBSCRIBER_TOO_SLOW',
  'UNEXPECTED_MESSAGE',
  'UNKNOWN_STREAM',
  'UNKNOWN_SINK',
  'UNKNOWN_PATH',
  'UNKNOWN_FORMAT',
  'METHOD_NOT_ALLOWED',
  'NOT_SUBSCRIBABLE',
  'WEBSOCKET_VERSION',
  'NO_CHECKPOINT',
  'BAD_QUERY',
  'BAD_REQUEST',
  'ARROW',
] as const;

export type Refusal = (typeof REFUSALS)[number];

/** Upper bounds of the latency histogram, seconds; the last bucket is +Inf. */
export const LATENCY_BOUNDS_S = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

/** Refused rows by reason: cell = reason code (layout.ts), 0 unused. */
export const REASON_CELLS = 16;

const LATENCY_BASE = COUNTERS.length;
const LATENCY_SUM = LATENCY_BASE + LATENCY_BOUNDS_S.length + 1;
const REASON_BASE = LATENCY_SUM + 1;
const REFUSAL_BASE = REASON_BASE + REASON_CELLS;
const WATERMARK_CELL = REFUSAL_BASE + REFUSALS.length;
const WATERMARK_SET_CELL = WATERMARK_CELL + 1;
const ROW_CELLS = WATERMARK_SET_CELL + 1;
/** Rows begin on cache lines of their own. */
const ROW_STRIDE = Math.ceil(ROW_CELLS / 16) * 16;

const CELL = Object.fromEntries(COUNTERS.map(([name], cell) => [name, cell])) as Record<CounterName, number>;

export function counterBytes(threads: number): number {
  return threads * ROW_STRIDE * 8;
}

/** One thread's row. */
export class Counters {
  private readonly cells: Float64Array;

  constructor(buffer: SharedArrayBuffer, thread: number) {
    this.cells = new Float64Array(buffer, thread * ROW_STRIDE * 8, ROW_CELLS);
  }

  add(name: CounterName, amount: number): void {
    this.cells[CELL[name]]! += amount;
  }

  set(name: CounterName, value: number): void {
    this.cells[CELL[name]] = value;
  }

  get(name: CounterName): number {
    return this.cells[CELL[name]]!;
  }

  /** Counts `frames` frames that took `seconds` each; of the log's thread, syncs. */
  latency(seconds: number, frames: number): void {
    let bucket = 0;
    while (bucket < LATENCY_BOUNDS_S.length && seconds > LATENCY_BOUNDS_S[bucket]!) bucket++;
    this.cells[LATENCY_BASE + bucket]! += frames;
    this.cells[LATENCY_SUM]! += seconds * frames;
  }

  latencyBuckets(): { counts: Float64Array; sumSeconds: number } {
    return { counts: this.cells.subarray(LATENCY_BASE, LATENCY_SUM), sumSeconds: this.cells[LATENCY_SUM]! };
  }

  addRejects(reason: number, rows: number): void {
    this.cells[REASON_BASE + reason]! += rows;
  }

  rejects(reason: number): number {
    return this.cells[REASON_BASE + reason]!;
  }

  refuse(code: Refusal): void {
    this.cells[REFUSAL_BASE + REFUSALS.indexOf(code)]! += 1;
  }

  refusals(code: Refusal): number {
    return this.cells[REFUSAL_BASE + REFUSALS.indexOf(code)]!;
  }

  /** The event time that the thread has reached; null before it has one. */
  get watermarkMs(): number | null {
    return this.cells[WATERMARK_SET_CELL] === 1 ? this.cells[WATERMARK_CELL]! : null;
  }

  set watermarkMs(time: number | null) {
    this.cells[WATERMARK_CELL] = time ?? 0;
    this.cells[WATERMARK_SET_CELL] = time === null ? 0 : 1;
  }

  rejectsAll(): number {
    let rows = 0;
    for (let reason = 0; reason < REASON_CELLS; reason++) rows += this.cells[REASON_BASE + reason]!;
    return rows;
  }
}
