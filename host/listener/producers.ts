// host/listener/producers.ts — event time as one listener sees it for one stream: producer by producer.
//
//   active ──idle timeout, or it says so──▶ idle ──a row──▶ active
//   active, idle ──it says end──▶ finished ──a row, or hello──▶ active
//
// The listener's word to the partitions is the minimum over its active producers (SEMANTICS 1.7); a producer that
// disconnects keeps its place until it is idle, or comes back. All connections without an id are one producer.
// Not here  the watermark of single rows (assembly/watermark.ts), combining listeners (partition/inputs.ts).

import { FRAME_END, FRAME_IDLE, FRAME_WATERMARK } from '../../ring/layout.ts';
import type { ControlFrame } from '../thread/control-frame.ts';

export type ProducerState = 'active' | 'idle' | 'finished';

export interface ProducerTime {
  readonly id: string;
  state: ProducerState;
  /** Greatest event time so far; an explicit watermark t counts as a row at t + delay. */
  maxTime: number;
  /** On the clock that stops while input is held up by a full ring. */
  lastRowMs: number;
  /** Frames acknowledged, over all its connections: where it goes on after a reconnect. */
  sequence: number;
  /** Frames and control messages taken in here, of all its connections, that have not been placed yet. */
  waitingFrames: number;
}

/** What moves to another listener with a producer that reconnects there. */
export type ProducerHandover = Omit<ProducerTime, 'lastRowMs' | 'waitingFrames'>;

/** All connections that give no producer id. */
export const ANONYMOUS = '';

export class Producers {
  private readonly byId = new Map<string, ProducerTime>();
  private readonly delayMs: number;
  private readonly idleTimeoutMs: number | null;
  /** Producers that came from other listeners less those that went to others. */
  moved = 0;
  private said = { kind: 0, watermark: 0, seen: 0, moved: 0 };

  constructor(delayMs: number, idleTimeoutMs: number | null) {
    this.delayMs = delayMs;
    this.idleTimeoutMs = idleTimeoutMs;
  }

  get count(): number {
    return this.byId.size;
  }

  get(id: string): ProducerTime | undefined {
    return this.byId.get(id);
  }

  /** A producer that says hello, or sends its first anonymous frame. */
  join(id: string, nowMs: number, handover?: ProducerHandover): ProducerTime {
    let producer = this.byId.get(id);
    if (producer === undefined) {
      producer = {
        id,
        state: 'active',
        maxTime: handover?.maxTime ?? Number.NEGATIVE_INFINITY,
        lastRowMs: nowMs,
        sequence: handover?.sequence ?? 0,
        waitingFrames: 0,
      };
      this.byId.set(id, producer);
    }
    if (handover !== undefined) this.moved++;
    producer.state = 'active';
    producer.lastRowMs = nowMs;
    producer.leftMs = null;
    return producer;
  }

  /**
   * It goes on at another listener. Here it holds time for a while longer: the partitions must not hear that it has
   * left before they hear where it is.
   */
  leave(id: string, nowMs: number): ProducerHandover | undefined {
    const producer = this.byId.get(id);
    if (this.byId.delete(id)) this.moved--;
    return producer && { id, state: producer.state, maxTime: producer.maxTime, sequence: producer.sequence };
  }

  /** Rows arrived; `maxTime` is what watermarkRows answered. */
  rows(producer: ProducerTime, maxTime: number, nowMs: number): void {
    producer.maxTime = maxTime;
    producer.lastRowMs = nowMs;
    producer.state = 'active';
  }

  watermark(producer: ProducerTime, time: number, nowMs: number): void {
    this.rows(producer, Math.max(producer.maxTime, time + this.delayMs), nowMs);
  }

  /** Forgets who has left, and marks producers idle that have been silent for the stream's idle timeout. */
  tick(nowMs: number): void {
    for (const { id, leftMs } of this.byId.values()) {
      if (leftMs !== null && nowMs - leftMs >= LEAVING_MS) this.byId.delete(id);
    }
    if (this.idleTimeoutMs === null) return;
    for (const producer of this.byId.values()) {
      if (producer.state === 'active' && nowMs - producer.lastRowMs >= this.idleTimeoutMs) producer.state = 'idle';
    }
  }

  /** What the partitions should hear, if it is anything new. Idle with none seen: the last producer has left. */
  news(): { kind: number; frame: ControlFrame } | null {
    const { kind, watermark } = this.combined();
    const seen = this.byId.size;
    const { said, moved } = this;
    const isOld = kind === said.kind && watermark === said.watermark && seen === said.seen && moved === said.moved;
    if (isOld || (seen === 0 && moved === 0 && said.kind === 0)) return null;
    this.said = { kind, watermark, seen, moved };
    return { kind, frame: { watermark, seen, moved, flags: 0 } };
  }

  private combined(): { kind: number; watermark: number } {
    let watermark = Number.POSITIVE_INFINITY;
    let idle = false;
    let greatest = Number.NEGATIVE_INFINITY;
    for (const producer of this.byId.values()) {
      greatest = Math.max(greatest, producer.maxTime - this.delayMs);
      if (producer.state === 'active') watermark = Math.min(watermark, producer.maxTime - this.delayMs);
      idle ||= producer.state === 'idle';
    }
    if (this.byId.size === 0) return { kind: FRAME_IDLE, watermark: Number.NEGATIVE_INFINITY };
    if (watermark !== Number.POSITIVE_INFINITY) return { kind: FRAME_WATERMARK, watermark };
    return { kind: idle || this.byId.size === 0 ? FRAME_IDLE : FRAME_END, watermark: greatest };
  }
}
