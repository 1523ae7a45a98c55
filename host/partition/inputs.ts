// host/partition/inputs.ts — one stage's input rings, and the watermark that follows from their senders.
//
//   sender: none ──▶ active(t) ◀──▶ idle      active, idle ──▶ finished ──▶ active …
//
// Combined (SEMANTICS 1.7): time starts when enough producers have been seen, all senders together; then it is the
// minimum over active senders; with none active it holds, unless all that were ever active have finished.
// With the log on, frames are taken in the order of the log (log-order.ts), and so is every word about time.
// Promises
//   - a window that `combine` has let close is for its caller to keep closed: the minimum may go back.
//   - frames of one sender are taken in order; senders are served in turn.

import { FRAME_DATA, FRAME_END, FRAME_GROUP, FRAME_IDLE, FRAME_WATERMARK } from '../../ring/layout.ts';
import { openConsumer, peek, type RingConsumer, release, takeRefusal } from '../../ring/spsc.ts';
import { type ControlFrame, FLAG_DRAIN, FLAG_LAST, readControl } from '../thread/control-frame.ts';
import type { RingPlace } from '../thread/topology.ts';
import type { LogOrder } from './log-order.ts';

type SenderState = 'none' | 'active' | 'idle' | 'finished';

interface Sender {
  consumer: RingConsumer;
  state: SenderState;
  watermark: number;
  seen: number;
  moved: number;
  /** It said LAST: nothing follows. */
  gone: boolean;
}

/** What the senders' states add up to. */
export type Combined =
  | { state: 'hold' }
  | { state: 'active'; watermark: number }
  | { state: 'idle' }
  | { state: 'finished' };

export class Inputs {
  /** All senders are gone; `drain` when one of them asked for open windows to be emitted. */
  gone = false;
  drain = false;
  private readonly senders: Sender[];
  private readonly view: DataView;
  private readonly producersNeeded: number;
  private readonly order: LogOrder | null;
  private next = 0;

  /**
   * @param producersNeeded  how many producers must have been seen before time starts
   * @param order  null: without a log, senders are served in turn
   */
  constructor(
    buffer: SharedArrayBuffer,
    places: readonly RingPlace[],
    producersNeeded: number,
    order: LogOrder | null = null,
  ) {
    this.view = new DataView(buffer);
    this.producersNeeded = producersNeeded;
    this.order = order;
    this.senders = places.map(({ baseBytes, capacityBytes }) => ({
      consumer: openConsumer(buffer, baseBytes, capacityBytes),
      state: 'none',
      watermark: Number.NEGATIVE_INFINITY,
      seen: 0,
      moved: 0,
      gone: false,
    }));
  }

  /** The next frame, of any sender in turn or of the one whose turn it is in the log; null when there is none yet. */
  peek(): RingConsumer | null {
    if (this.order !== null) {
      this.next = this.order.due();
      return this.next >= 0 && peek(this.senders[this.next]!.consumer) ? this.senders[this.next]!.consumer : null;
    }
    for (let tried = 0; tried < this.senders.length; tried++) {
      const { consumer } = this.senders[this.next]!;
      if (peek(consumer)) return consumer;
      this.next = (this.next + 1) % this.senders.length;
    }
    return null;
  }

  /**
   * Frees the frame that `peek` showed; the next peek begins with the next sender.
   *
   * @returns the sender's index when it may wait for room and should hear that there is some, else −1
   */
  release(): number {
    const sender = this.next;
    const { consumer } = this.senders[sender]!;
    release(consumer);
    this.next = (sender + 1) % this.senders.length;
    return takeRefusal(consumer) ? sender : -1;
  }

  get isOrdered(): boolean {
    return this.order !== null;
  }

  /** The group that every sender has just finished, or 0. Each is told of once. */
  takeCompletedGroup(): number {
    return this.order !== null && !this.gone && this.order.due() < 0 ? this.order.complete() : 0;
  }

  /** The checkpoint whose barrier the peeked frame is. */
  barrier(consumer: RingConsumer): number {
    return readControl(this.view, consumer.payloadOffset, consumer.payloadBytes).watermark;
  }

  /** Takes the peeked control frame into account; true when it may have changed `combine`. */
  control(consumer: RingConsumer): boolean {
    if (consumer.kind === FRAME_DATA) return false;
    const sender = this.senders[this.next]!;
    const frame = readControl(this.view, consumer.payloadOffset, consumer.payloadBytes);
    if (consumer.kind === FRAME_GROUP) {
      this.order!.finish(this.next, frame.watermark);
      return false;
    }
    sender.seen = frame.seen;
    sender.moved = frame.moved;
    sender.state = stateAfter(consumer.kind, frame, sender.state);
    // It may go back: a producer that joined holds time from now on. What has been combined does not (keyed-stage.ts).
    if ((frame.flags & FLAG_LAST) === 0) sender.watermark = frame.watermark;
    else {
      sender.gone = true;
      this.order?.leave(this.next);
      this.drain ||= (frame.flags & FLAG_DRAIN) !== 0;
      this.gone = this.senders.every(({ gone }) => gone);
    }
    return true;
  }

  combine(): Combined {
    let seen = 0;
    let moved = 0;
    let watermark = Number.POSITIVE_INFINITY;
    let active = false;
    let idle = false;
    let finished = false;
    for (const sender of this.senders) {
      seen += sender.seen;
      moved = (moved + sender.moved) | 0;
      if (sender.state === 'active') {
        active = true;
        watermark = Math.min(watermark, sender.watermark);
      }
      idle ||= sender.state === 'idle';
      finished ||= sender.state === 'finished';
    }
    // Half a move: a producer that has left a listener and not arrived, or has arrived while the listener that it left
    // still speaks for it. It holds time as any that is disconnected, until the other half is heard.
    if (seen < this.producersNeeded || moved !== 0) return { state: 'hold' };
    if (active) return { state: 'active', watermark };
    if (idle) return { state: 'idle' };
    return finished ? { state: 'finished' } : { state: 'hold' };
  }
}

/** A stopping sender leaves its state as it was: that it stops says nothing about time. */
function stateAfter(kind: number, frame: ControlFrame, before: SenderState): SenderState {
  if (kind === FRAME_WATERMARK) return 'active';
  // A listener whose last producer went elsewhere is as one that never had any.
  if (kind === FRAME_IDLE) return frame.seen === 0 ? 'none' : 'idle';
  if (kind === FRAME_END) return (frame.flags & FLAG_LAST) !== 0 ? before : 'finished';
  throw new Error(`a frame of kind ${kind} where only watermark, idle and end are known`);
}
