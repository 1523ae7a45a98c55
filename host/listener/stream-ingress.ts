// host/listener/stream-ingress.ts — one stream at one listener: frames become rows, rows become batches, batches leave.
//
//   frame ──decode──▶ builder ──seal──▶ flow 0, flow 1 … ──▶ rings ──▶ watermark ──▶ acknowledgements
//
// Rows of several frames and producers share a batch; it is sealed at its bound or with the turn of the loop.
// `flush` is a cursor: each `advance` writes at most one image per partition. A frame is acknowledged when every one
// of its rows is in its partition's ring, or rejected by name.

import {
  ARROW_DONE,
  ARROW_FULL,
  ARROW_OK,
  ARROW_REJECTS_FULL,
  JSON_DONE,
  JSON_FULL,
  REASON_SYNTAX,
  REJECT_BYTES,
} from '../../assembly/layout.ts';
import { FRAME_BARRIER, FRAME_GROUP } from '../../ring/layout.ts';
import type { Counters } from '../counters.ts';
import { arrowErrorName, arrowErrorText } from '../decode/arrow-errors.ts';
import { putBytes } from '../kernel/bytes.ts';
import type { Kernel } from '../kernel/load.ts';
import { type EngineLimits, KEY_GROUPS, REJECTS_NAMED_MAX, rowsMaxOf } from '../limits.ts';
import { builderPlanBytes, decoderPlanBytes, PHYSICAL_TYPE } from '../plan/kernel-plans.ts';
import type { StreamPlan } from '../plan/plan.ts';
import { groupFrame } from '../thread/control-frame.ts';
import { Flow, type FlowTarget, need } from '../thread/flow.ts';
import { rowBytesOf } from '../thread/row-bytes.ts';
import { Arrivals } from './arrivals.ts';
import type { IngestConnection } from './connection.ts';
import {
  creditBytesOf,
  FRAME_ARROW,
  FRAME_SAYS_END,
  FRAME_SAYS_HELLO,
  FRAME_SAYS_IDLE,
  FRAME_SAYS_WATERMARK,
  type FrameInbox,
  type InboxFrame,
} from './inbox.ts';
import { anonymousAt, numberedProducer, Producers, type ProducerTime } from './producers.ts';
import { REASON_CODE, reasonText } from './reject-reasons.ts';

const keyOf = ({ producer, listener }: InboxFrame): string =>
  producer === 0 ? anonymousAt(listener) : numberedProducer(producer);

/** Without a log a frame is acknowledged when it is placed. */
function placed(connection: IngestConnection): void {
  const producer = connection.producer!;
  connection.ackedSequence = connection.decodedSequence;
  connection.inFlightBytes -= connection.decodedBytes;
  producer.sequence = Math.max(producer.sequence, connection.ackedSequence);
  producer.waitingFrames -= connection.decodedFrames;
}

/** Rows of the open batch from `fromRow` on belong to this frame. */
interface FrameRows {
  fromRow: number;
  connection: IngestConnection;
  sequence: number;
}

export class StreamIngress {
  readonly plan: StreamPlan;
  readonly producers: Producers;
  readonly inbox: FrameInbox;
  /** On the clock that stops while this stream's input is blocked. */
  nowMs = 0;
  blockedSinceTick = false;
  /** Producers that other listeners hand over to this one; there are such only with a log. */
  readonly arrivals = new Arrivals();
  readonly isLogged: boolean;
  private readonly kernel: Kernel;
  private readonly counters: Counters;
  private readonly builder: number;
  private readonly rowNumbers: number;
  private readonly json: number;
  private readonly arrow: number;
  private readonly flows: Flow[];
  private readonly touched: IngestConnection[] = [];
  private readonly frameRows: FrameRows[] = [];
  private frameRowsCount = 0;
  /** The frame at the head of its source is partly decoded. */
  private underWay = false;
  private builtRows = 0;
  /** Rows below have their producer's watermark; those from here on are `producer`'s. */
  private judgedRows = 0;
  private producer: ProducerTime | null = null;
  /** Of the frames since the last acknowledgements. */
  private decodedBytes = 0;
  private flowIndex = -1;
  private flowBegun = false;

  constructor(
    kernel: Kernel,
    plan: StreamPlan,
    inbox: FrameInbox,
    targets: readonly FlowTarget[],
    limits: EngineLimits,
    counters: Counters,
    isLogged = false,
  ) {
    this.isLogged = isLogged;
    this.kernel = kernel;
    this.plan = plan;
    this.inbox = inbox;
    this.counters = counters;
    const eventTime = plan.description.eventTime;
    this.producers = new Producers(eventTime?.delayMs ?? 0, eventTime?.idleTimeoutMs ?? null);
    const wide = [plan.decoded, ...plan.flows.map(({ output }) => output)];
    const rowBytes = Math.max(...wide.map(rowBytesOf)) + 8;
    const hasUtf8 = wide.some((fields) => fields.some(({ type }) => type === 'utf8'));
    const rowsMax = rowsMaxOf(rowBytes, Math.max(...wide.map(({ length }) => length)), hasUtf8, limits.imageBytesMax);
    // Beside the fixed half of an image; what is left over is for the directory, and with small rings that is little.
    const { imageBytesMax } = limits;
    const bytesMax = hasUtf8 ? Math.floor(imageBytesMax / 2) - Math.min(4096, Math.floor(imageBytesMax / 8)) : 0;
    const { exports } = kernel;
    this.builder = need(exports.builderCreate(putBytes(kernel, builderPlanBytes(plan, rowsMax, bytesMax))), 'a batch');
    this.rowNumbers = exports.builderRowNumbers(this.builder) >>> 2;
    const decoderPlan = putBytes(kernel, decoderPlanBytes(this.builder, plan.decoded));
    this.json = need(exports.jsonCreate(decoderPlan), 'a JSON decoder');
    this.arrow = need(exports.arrowCreate(decoderPlan), 'an Arrow decoder');
    const bounds = { rowsMax, imageBytesMax: limits.imageBytesMax, groups: KEY_GROUPS };
    this.flows = plan.flows.map(
      (flow, index) =>
        new Flow(kernel, flow, targets[index]!, bounds, counters, (row, reason, detail) =>
          this.rejectBuilt(row, reason, detail),
        ),
    );
  }

  /** There is something to flush: rows, or a changed word about time, or frames to acknowledge. */
  get dirty(): boolean {
    return this.builtRows > 0 || this.touched.length > 0;
  }

  /** The frame that was taken last is partly decoded: its bytes are still needed. */
  get isUnderWay(): boolean {
    return this.underWay;
  }

  /** Right after a flush: bytes of frames whose rows are all placed, and that nobody has been told of. */
  get placedBytes(): number {
    return this.decodedBytes;
  }

  get flushing(): boolean {
    return this.flowIndex >= 0;
  }

  /** Takes (more of) the inbox's first frame. True when the frame is used up; false: flush, then call again. */
  take(frame: InboxFrame): boolean {
    const { connection } = frame;
    if (frame.kind >= FRAME_SAYS_WATERMARK) {
      this.heed(frame);
    } else {
      const from = this.builtRows;
      const producer = connection.producer ?? this.join(frame);
      if (producer !== this.producer) this.changeProducer(producer);
      this.noteFrameRows(from, connection, frame.sequence);
      const usedUp = frame.kind === FRAME_ARROW ? this.takeArrow(frame) : this.takeJson(frame);
      this.builtRows = this.kernel.exports.builderRows(this.builder);
      connection.rows += this.builtRows - from;
      if (!usedUp) {
        this.underWay = true;
        return false;
      }
    }
    this.underWay = false;
    if (connection.decodedFrames === 0) connection.oldestMs = frame.receivedMs;
    connection.decodedFrames++;
    connection.decodedSequence = Math.max(connection.decodedSequence, frame.sequence);
    connection.decodedBytes += creditBytesOf(frame.kind, frame.bytes);
    this.decodedBytes += creditBytesOf(frame.kind, frame.bytes);
    this.touch(connection);
    return true;
  }

  beginFlush(): void {
    this.judge();
    this.counters.add('rowsAccepted', this.builtRows);
    this.kernel.exports.builderSeal(this.builder);
    this.flowIndex = 0;
    this.flowBegun = false;
    if (this.builtRows > 0) this.counters.add('batchesRouted', 1);
  }

  hasRoom(): boolean {
    return this.flows.every((flow) => flow.hasRoom());
  }

  /** One image per partition further; true when the flush is through. The caller has asked hasRoom. */
  advanceFlush(): boolean {
    if (this.builtRows > 0 && this.flowIndex < this.flows.length) {
      const flow = this.flows[this.flowIndex]!;
      if (!this.flowBegun) flow.begin(this.builder);
      this.flowBegun = !flow.advance();
      if (!this.flowBegun) this.flowIndex++;
      return false;
    }
    this.sayTime();
    this.kernel.exports.builderReset(this.builder);
    this.builtRows = 0;
    this.judgedRows = 0;
    this.frameRowsCount = 0;
    this.flowIndex = -1;
    return true;
  }

  /**
   * Now and then: producers that have been silent for too long, and what that changes.
   *
   * @param logIdle  with a log: silence is an entry in it, heeded when its turn comes; false when there was no room
   */
  tick(sinceMs: number, logIdle: (producer: ProducerTime) => boolean): void {
    if (!this.blockedSinceTick) this.nowMs += sinceMs;
    this.blockedSinceTick = false;
    for (const producer of this.producers.silent(this.nowMs)) {
      if (!this.isLogged) producer.state = 'idle';
      else if (logIdle(producer)) producer.lastRowMs = this.nowMs; // Once; it stays active until then.
    }
    if (this.isLogged) return;
    // Rows of the open batch have moved the producers' time already: a flush says it behind them.
    if (!this.flushing && !this.dirty && this.hasRoom()) this.sayTime();
  }

  /** Tells the partitions what time it is, if that changed. The caller has asked hasRoom. */
  sayTime(): void {
    const news = this.producers.news();
    if (news !== null) for (const { target } of this.flows) target.control(news.kind, news.frame);
  }

  /** A control frame of the thread itself: that it stops. */
  say(kind: number, flags: number): void {
    for (const { target } of this.flows) {
      const { count: seen, moved } = this.producers;
      target.control(kind, { watermark: Number.NEGATIVE_INFINITY, seen, moved, flags });
    }
  }

  /** Connections whose frames have all been placed since the last call, each once; they are theirs to answer. */
  drainTouched(answer: (connection: IngestConnection) => void): void {
    for (const connection of this.touched) {
      connection.touched = false;
      if (!this.isLogged) placed(connection);
      connection.placedSequence = connection.decodedSequence;
      connection.saidSequence = connection.ackedSequence;
      answer(connection);
      connection.rows = 0;
      connection.rejectedRows = 0;
      connection.rejectsNamed = 0;
      connection.decodedBytes = 0;
      connection.decodedFrames = 0;
    }
    this.touched.length = 0;
    this.decodedBytes = 0;
  }

  /** Nothing can be placed now; what is in the log is acknowledged all the same, its rows are counted later. */
  sayDurable(): void {
    for (const connection of this.touched) {
      if (connection.saidSequence === connection.ackedSequence) continue;
      connection.saidSequence = connection.ackedSequence;
      connection.replies.durable(connection);
    }
  }

  /** With a log: everything of the group, and of all before it, is in the rings; what time it is goes ahead of that word. */
  nameGroup(group: number): void {
    this.sayTime();
    for (const { target } of this.flows) target.control(FRAME_GROUP, groupFrame(group));
  }

  /** A checkpoint's barrier: behind the name of the group that it belongs to, ahead of everything else. */
  sayBarrier(checkpoint: number): void {
    for (const { target } of this.flows) target.control(FRAME_BARRIER, groupFrame(checkpoint));
  }

  touch(connection: IngestConnection): void {
    if (connection.touched) return;
    connection.touched = true;
    this.touched.push(connection);
  }

  private heed(frame: InboxFrame): void {
    this.judge();
    if (frame.kind === FRAME_SAYS_HELLO) return void this.join(frame);
    const producer = this.speakerOf(frame);
    if (producer === undefined) return; // It moved on before its listener's word came up.
    if (frame.kind === FRAME_SAYS_WATERMARK) this.producers.watermark(producer, frame.value, this.nowMs);
    if (frame.kind === FRAME_SAYS_IDLE) producer.state = 'idle';
    if (frame.kind === FRAME_SAYS_END) producer.state = 'finished';
  }

  /** With a log a producer joins, or comes back, where its first frame stands in the log. */
  private join(frame: InboxFrame): ProducerTime {
    const { connection } = frame;
    const producer = this.producers.join(keyOf(frame), this.nowMs, this.arrivals.take(frame.producer, frame.group));
    connection.producer = producer;
    return producer;
  }

  private speakerOf(frame: InboxFrame): ProducerTime | undefined {
    // That a producer is silent is said by its listener, in nobody's name.
    if (this.isLogged && frame.kind === FRAME_SAYS_IDLE) return this.producers.get(keyOf(frame));
    return frame.connection.producer ?? this.join(frame);
  }

  /** The rows that follow are this producer's; those that are there were the last one's. */
  private changeProducer(producer: ProducerTime): void {
    this.judge();
    this.producer = producer;
  }

  /** Gives the rows that have none yet their producer's watermark: one call for a run of its frames. */
  private judge(): void {
    const { producer, judgedRows, builtRows } = this;
    this.judgedRows = builtRows;
    if (producer === null || builtRows === judgedRows || !this.plan.timed) return;
    const { delayMs } = this.plan.description.eventTime!;
    const maxTime = this.kernel.exports.watermarkRows(this.builder, judgedRows, producer.maxTime, delayMs);
    this.producers.rows(producer, maxTime, this.nowMs);
  }

  private takeJson(frame: InboxFrame): boolean {
    const { exports } = this.kernel;
    if (!this.underWay) exports.jsonBegin(this.json, frame.address, frame.bytes);
    for (;;) {
      const status = exports.jsonNext(this.json);
      const rejected = exports.jsonRejectCount(this.json);
      if (rejected > 0) this.rejectDecoded(frame, exports.jsonRejects(this.json) >>> 2, rejected);
      if (status === JSON_DONE) return true;
      if (status === JSON_FULL) return false;
    }
  }

  private takeArrow(frame: InboxFrame): boolean {
    const { exports } = this.kernel;
    if (!this.underWay) {
      const status = exports.arrowBegin(this.arrow, frame.address, frame.bytes);
      if (status !== ARROW_OK) {
        this.refuseArrow(frame, status);
        return true;
      }
    }
    for (;;) {
      const status = exports.arrowNext(this.arrow);
      this.rejectDecoded(frame, exports.arrowRejects(this.arrow) >>> 2, exports.arrowRejectCount(this.arrow));
      if (status === ARROW_DONE) return true;
      if (status === ARROW_FULL) return false;
      if (status !== ARROW_REJECTS_FULL) {
        this.refuseArrow(frame, status);
        return true;
      }
    }
  }

  /** A stream whose structure is wrong: rows decoded before the wrong message stay. */
  private refuseArrow(frame: InboxFrame, status: number): void {
    const { exports } = this.kernel;
    const code = Math.abs(status);
    const field = this.plan.decoded[exports.arrowErrorColumn(this.arrow)];
    const column = field && { name: field.name, type: PHYSICAL_TYPE[field.type] };
    this.counters.add('framesRefused', 1);
    this.counters.refuse('ARROW');
    this.counters.addRejects(REASON_SYNTAX, 1);
    this.name(frame.connection, {
      sequence: frame.sequence,
      row: -1,
      code: arrowErrorName(code),
      column: field?.name ?? null,
      message: arrowErrorText({ code, detail: exports.arrowErrorDetail(this.arrow), column }),
    });
  }

  private rejectDecoded(frame: InboxFrame, list: number, count: number): void {
    const { u32, i32 } = this.kernel;
    for (let index = 0; index < count; index++) {
      const at = list + (index * REJECT_BYTES) / 4;
      this.rejectRow(frame.connection, frame.sequence, u32[at]!, u32[at + 1]!, i32[at + 2]!, `at byte ${u32[at + 3]}`);
    }
  }

  /** A row that decoded well but that a flow refuses: a null key, a function that threw. */
  private rejectBuilt(row: number, reason: number, detail?: string): void {
    let frame = this.frameRows[0]!;
    for (let index = 1; index < this.frameRowsCount && this.frameRows[index]!.fromRow <= row; index++) {
      frame = this.frameRows[index]!;
    }
    const rowNumber = this.kernel.u32[this.rowNumbers + row]!;
    frame.connection.rows--;
    this.counters.add('rowsAccepted', -1);
    this.rejectRow(frame.connection, frame.sequence, rowNumber, reason, -1, detail ?? '');
    this.touch(frame.connection);
  }

  private rejectRow(
    connection: IngestConnection,
    sequence: number,
    row: number,
    reason: number,
    column: number,
    detail: string,
  ): void {
    this.counters.addRejects(reason, 1);
    const field = this.plan.decoded[column] ?? null;
    this.name(connection, {
      sequence,
      row,
      code: REASON_CODE[reason] ?? `REASON_${reason}`,
      column: field?.name ?? null,
      message: reasonText(reason, field, detail),
    });
  }

  private name(connection: IngestConnection, reject: Parameters<IngestConnection['replies']['rejected']>[1]): void {
    connection.rejectedRows++;
    if (connection.rejectsNamed >= REJECTS_NAMED_MAX) return;
    connection.rejectsNamed++;
    connection.replies.rejected(connection, reject);
  }

  private noteFrameRows(fromRow: number, connection: IngestConnection, sequence: number): void {
    if (this.frameRowsCount === this.frameRows.length) this.frameRows.push({ fromRow, connection, sequence });
    const note = this.frameRows[this.frameRowsCount++]!;
    note.fromRow = fromRow;
    note.connection = connection;
    note.sequence = sequence;
  }
}
