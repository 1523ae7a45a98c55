// host/listener/log-link.ts — what a listener hears from the log: groups that are released, producers that move, admission.
//
// The bytes are pictured in log/layout.ts. A listener hears before it does anything else, so a group's moves are known
// before its entries are due.

import { openConsumer, peek, type RingConsumer, release } from '../../ring/spsc.ts';
import { ADMIT, SAYS_ADMISSION, SAYS_MOVED, SAYS_RELEASED } from '../log/layout.ts';
import type { RingPlace } from '../thread/topology.ts';

/** A producer's time leaves or comes with `group`. */
export interface Move {
  group: number;
  stream: number;
  producer: number;
  from: number;
  to: number;
}

export interface LogListener {
  /** @param barrier  of this checkpoint, at the group's end; 0: none */
  released(group: number, positions: Int32Array, barrier: number): void;
  moved(move: Move): void;
}

export class LogLink {
  /** ADMIT, or why producers may not send. */
  admission = ADMIT;
  private readonly consumer: RingConsumer;
  private readonly view: DataView;
  private readonly buffer: SharedArrayBuffer;
  private readonly streams: number;

  constructor(buffer: SharedArrayBuffer, place: RingPlace, streams: number) {
    this.buffer = buffer;
    this.consumer = openConsumer(buffer, place.baseBytes, place.capacityBytes);
    this.view = new DataView(buffer);
    this.streams = streams;
  }

  /** Takes what the log has said next; false when that was all. */
  hear(listener: LogListener): boolean {
    const { consumer, view } = this;
    if (!peek(consumer)) return false;
    const at = consumer.payloadOffset;
    const type = view.getUint32(at, true);
    const number = view.getFloat64(at + 8, true);
    if (type === SAYS_RELEASED) {
      listener.released(number, new Int32Array(this.buffer, at + 16, this.streams), view.getUint32(at + 4, true));
    } else if (type === SAYS_MOVED) {
      listener.moved({
        group: number,
        stream: view.getUint32(at + 4, true),
        producer: view.getUint32(at + 16, true),
        to: view.getUint16(at + 20, true),
        from: view.getUint16(at + 22, true),
      });
    } else if (type === SAYS_ADMISSION) {
      this.admission = view.getUint32(at + 4, true);
    } else throw new Error(`the log says something of type ${type}, which is not known`);
    release(consumer);
    return true;
  }
}
