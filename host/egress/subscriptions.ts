// host/egress/subscriptions.ts — who has subscribed to what, in memory that listeners write and egress reads.
//
// One count per (listener, sink, format). A listener adds before it answers `subscribed`, so every result that
// egress takes up after that answer is encoded for it.

import { FORMATS } from './message.ts';

export const subscriptionBytes = (listeners: number, sinks: number): number => listeners * sinks * FORMATS.length * 4;

export class Subscriptions {
  private readonly counts: Int32Array;
  private readonly sinks: number;

  constructor(buffer: SharedArrayBuffer, sinks: number) {
    this.counts = new Int32Array(buffer);
    this.sinks = sinks;
  }

  add(listener: number, sink: number, format: number, change: 1 | -1): void {
    // add: stands before the `subscribed` answer; pairs with the load in wanted().
    Atomics.add(this.counts, this.cell(listener, sink, format), change);
  }

  /** Whether this listener has a subscriber for the sink in this format. */
  wanted(listener: number, sink: number, format: number): boolean {
    return Atomics.load(this.counts, this.cell(listener, sink, format)) > 0;
  }

  private cell(listener: number, sink: number, format: number): number {
    return (listener * this.sinks + sink) * FORMATS.length + format;
  }
}
