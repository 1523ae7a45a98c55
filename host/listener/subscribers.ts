// host/listener/subscribers.ts — WebSocket subscribers of one listener: every message of their sink, or a cut.
//
// A subscriber never pushes back: one that does not read is cut off at its bound, told where to go on, and others
// see no gap. uWebSockets drops a message beyond maxBackpressure (send answers 2); we end a connection well below
// that, so that the last word and the close frame still fit.

import type { WebSocket } from 'uWebSockets.js';
import type { Counters } from '../counters.ts';
import { FORMATS, MESSAGE_HEADER_BYTES, type ResultFormat, readMessageHeader } from '../egress/message.ts';
import type { Subscriptions } from '../egress/subscriptions.ts';
import type { SocketData } from './server.ts';

/** Close codes of RFC 6455 and its registry, and what they mean here. */
export const CLOSE_RESTART = 1012;
export const CLOSE_TRY_LATER = 1013;

export interface Subscriber {
  kind: 'subscriber';
  sink: number;
  format: ResultFormat;
  /** Next offset by partition: where to resume. */
  resume: Map<number, number>;
  cut: boolean;
}

export class Subscribers {
  private readonly bySinkAndFormat: Set<WebSocket<SocketData>>[] = [];
  private readonly subscriptions: Subscriptions;
  private readonly listener: number;
  private readonly counters: Counters;
  private readonly bytesMax: number;

  /** @param bytesMax  what may wait unread for one of them */
  constructor(listener: number, sinks: number, subscriptions: Subscriptions, counters: Counters, bytesMax: number) {
    this.listener = listener;
    this.subscriptions = subscriptions;
    this.counters = counters;
    this.bytesMax = bytesMax;
    for (let cell = 0; cell < sinks * FORMATS.length; cell++) this.bySinkAndFormat.push(new Set());
  }

  add(socket: WebSocket<SocketData>, subscriber: Subscriber): void {
    this.set(subscriber).add(socket);
    this.counters.add('subscribers', 1);
    this.subscriptions.add(this.listener, subscriber.sink, FORMATS.indexOf(subscriber.format), 1);
  }

  remove(socket: WebSocket<SocketData>, subscriber: Subscriber): void {
    if (!this.set(subscriber).delete(socket)) return;
    this.counters.add('subscribers', -1);
    this.subscriptions.add(this.listener, subscriber.sink, FORMATS.indexOf(subscriber.format), -1);
  }

  /** Sends one encoded message to everyone who has subscribed to its sink and format. */
  deliver(bytes: Uint8Array): void {
    const header = readMessageHeader(bytes);
    const sockets = this.bySinkAndFormat[header.sink * FORMATS.length + header.format]!;
    if (sockets.size === 0) return;
    const message = bytes.subarray(MESSAGE_HEADER_BYTES); // Sending copies what the socket does not take at once.
    for (const socket of sockets) {
      const subscriber = socket.getUserData().role as Subscriber;
      if (socket.getBufferedAmount() + message.byteLength > this.bytesMax) {
        this.cut(socket, subscriber);
        continue;
      }
      if (socket.send(message, header.binary) === 2) this.cut(socket, subscriber);
      else if (header.nextOffset >= 0) subscriber.resume.set(header.partition, header.nextOffset);
    }
  }

  /** The engine stops: everyone gets what is buffered, and a close frame. */
  closeAll(): void {
    for (const sockets of this.bySinkAndFormat) {
      for (const socket of [...sockets]) {
        this.remove(socket, socket.getUserData().role as Subscriber);
        socket.end(CLOSE_RESTART, 'the engine stops');
      }
    }
  }

  private cut(socket: WebSocket<SocketData>, subscriber: Subscriber): void {
    this.remove(socket, subscriber);
    subscriber.cut = true;
    this.counters.add('subscribersCut', 1);
    this.counters.refuse('SUBSCRIBER_TOO_SLOW');
    const resume = Object.fromEntries(subscriber.resume);
    socket.send(
      JSON.stringify({
        type: 'error',
        code: 'SUBSCRIBER_TOO_SLOW',
        message: `more than ${this.bytesMax} bytes waited unread; subscribe again and read faster`,
        resume,
      }),
    );
    socket.end(CLOSE_TRY_LATER, 'SUBSCRIBER_TOO_SLOW');
  }

  private set(subscriber: Subscriber): Set<WebSocket<SocketData>> {
    return this.bySinkAndFormat[subscriber.sink * FORMATS.length + FORMATS.indexOf(subscriber.format)]!;
  }
}
