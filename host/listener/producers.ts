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

/** A producer's time as JSON can say it: no infinite number. */
export interface KeptProducer extends Omit<ProducerHandover, 'maxTime'> {
  maxTime: number | null;
}

/** All connections that give no producer id. */
export const ANONYMOUS = '';

// With a log, producers are known by their number there, and a replay speaks for the anonymous ones of every listener.
export const numberedProducer = (number: number): string => `#${number}`;
export const anonymousAt = (listener: number): string => `@${listener}`;
/** 0: an anonymous one. */
export const producerNumberOf = (id: string): number => (id.startsWith('#') ? Number(id.slice(1)) : 0);
const isAnonymous = (id: string): boolean => id.startsWith('@');

export class Producers {
  private readonly byId = new Map<string, ProducerTime>();
  private readonly delayMs: number;
  private readonly idleTimeoutMs: number | null;
  /** Sum of the marks of producers that came from other listeners, less those that went to others; see markOf. */
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
    if (handover !== undefined) this.moved = (this.moved + markOf(id)) | 0;
    producer.state = 'active';
    producer.lastRowMs = nowMs;
    return producer;
  }

  /** What a checkpoint keeps: every producer's time. */
  times(): KeptProducer[] {
    return Array.from(this.byId.values(), ({ id, state, maxTime, sequence }) => {
      return { id, state, maxTime: Number.isFinite(maxTime) ? maxTime : null, sequence };
    });
  }

  /** What a checkpoint kept. */
  restore(times: readonly KeptProducer[], nowMs: number): void {
    for (const { maxTime, ...time } of times) {
      const restored = { maxTime: maxTime ?? Number.NEGATIVE_INFINITY, lastRowMs: nowMs, waitingFrames: 0 };
      this.byId.set(time.id, { ...time, ...restored });
    }
  }

  /** An engine has started again: connections without an id are gone with the one before. */
  dropAnonymous(): void {
    for (const id of this.byId.keys()) if (isAnonymous(id)) this.byId.delete(id);
  }

  /** It goes on at another listener. */
  leave(id: string): ProducerHandover | undefined {
    const producer = this.byId.get(id);
    if (this.byId.delete(id)) this.moved = (this.moved - markOf(id)) | 0;
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

  /** Producers that have been silent for the stream's idle timeout. */
  *silent(nowMs: number): Iterable<ProducerTime> {
    if (this.idleTimeoutMs === null) return;
    for (const producer of this.byId.values()) {
      if (producer.state === 'active' && nowMs - producer.lastRowMs >= this.idleTimeoutMs) yield producer;
    }
  }

  /** What the partitions should hear, if it is anything new. */
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
    return { kind: idle ? FRAME_IDLE : FRAME_END, watermark: greatest };
  }
}

/**
 * A number for a producer id (FNV-1a). Over all listeners the marks that came and went add up to 0 exactly when the
 * partitions have heard both ends of every move: counting moves would take one producer's leaving for another's.
 */
function markOf(id: string): number {
  let mark = 0x811c9dc5;
  for (const byte of Buffer.from(id)) mark = Math.imul(mark ^ byte, 0x01000193);
  return mark | 1;
}
