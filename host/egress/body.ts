// host/egress/body.ts — results out of the partitions' rings: encoded once per format, to every sink of their output.
//
//   partition ring out ──▶ encode (JSON kernel, Arrow) ──┬─▶ file, stdout            push back
//                                                        └─▶ listeners' result rings ──▶ subscribers
//
// A frame is taken when every place it may go has room; one frame a step, partitions in turn.

import { type Doorbell, ring } from '../../ring/doorbell.ts';
import { FRAME_BARRIER, FRAME_DATA, FRAME_END, FRAME_IDLE } from '../../ring/layout.ts';
import { openConsumer, peek, type RingConsumer, release, takeRefusal } from '../../ring/spsc.ts';
import type { Counters } from '../counters.ts';
import { type ArrowField, encodeArrowStream } from '../encode/arrow.ts';
import { type Kernel, loadKernel, reserveMemory } from '../kernel/load.ts';
import { type EngineLimits, MiB, RESULT_HEADER_BYTES } from '../limits.ts';
import type { OutputPlan, Plan } from '../plan/plan.ts';
import type { Body, StepResult } from '../thread/body.ts';
import { type Channel, type ResultHeader, readResultHeader } from '../thread/channel.ts';
import { FLAG_LAST, readControl } from '../thread/control-frame.ts';
import { partitionRings, partitionThread, type Topology } from '../thread/topology.ts';
import { JsonEncoder, prepareJson } from './json-lines.ts';
import { FORMAT_ARROW, FORMAT_JSON, writeMessageHeader } from './message.ts';
import type { ByteSink } from './sink.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface EgressOptions {
  plan: Plan;
  topology: Topology;
  limits: EngineLimits;
  memories: readonly WebAssembly.Memory[];
  doorbells: readonly Doorbell[];
  /** Result rings, by listener. */
  listeners: readonly Channel[];
  /** File and stdout sinks by sink index; WebSocket sinks have none. */
  byteSinks: ReadonlyMap<number, ByteSink>;
  subscriptions: Subscriptions;
  counters: Counters;
  /** Every partition of the output has seen the end of its input. */
  outputEnded: (output: number) => void;
}

/** Encoded bytes of one image: JSON is at most this many times as long as the columns. Chunks go out when it is full. */
const JSON_CHUNK_BYTES = 128 * 1024;

export class EgressBody implements Body {
  private readonly options: EgressOptions;
  private readonly kernel: Kernel;
  private readonly scratch: number;
  private readonly consumers: RingConsumer[];
  private readonly views: DataView[];
  private readonly bytes: Uint8Array[];
  private readonly encoders: JsonEncoder[];
  private readonly arrowFields: ArrowField[][];
  /** The last Arrow stream: nothing is taken from a ring before all that was made of the last frame is sent. */
  private stream = new Uint8Array(0);
  private readonly sinksOf: number[][];
  private readonly ended: Set<number>[];
  private readonly gone: Set<number>[];
  private next = 0;
  private pending: PendingMessage[] = [];
  private stopSaid = false;

  constructor(options: EgressOptions) {
    const { plan, topology, limits, memories } = options;
    this.options = options;
    this.kernel = loadKernel({ memory: reserveMemory(64 * MiB, false) });
    prepareJson(this.kernel);
    this.scratch = this.kernel.exports.reserve(limits.imageBytesMax + RESULT_HEADER_BYTES) >>> 0;
    const place = partitionRings(plan, topology, limits.ringBytes).out;
    const buffers = memories.map(({ buffer }) => buffer as unknown as SharedArrayBuffer);
    this.consumers = buffers.map((buffer) => openConsumer(buffer, place.baseBytes, place.capacityBytes));
    this.views = buffers.map((buffer) => new DataView(buffer));
    this.bytes = buffers.map((buffer) => new Uint8Array(buffer));
    this.encoders = plan.outputs.map(({ fields }) => {
      const columns = fields.map(({ name }, from) => ({ name, from }));
      return new JsonEncoder(this.kernel, columns, JSON_CHUNK_BYTES);
    });
    this.arrowFields = plan.outputs.map((output) =>
      output.fields.map(({ name, type, nullable }) => ({ name, type, nullable })),
    );
    let sink = 0;
    this.sinksOf = plan.outputs.map((output) => output.sinks.map(() => sink++));
    this.ended = plan.outputs.map(() => new Set());
    this.gone = plan.outputs.map(() => new Set());
  }

  step(): StepResult {
    if (this.pending.length > 0) return this.sendPending() ? 'progressed' : 'blocked';
    if ([...this.options.byteSinks.values()].some(({ busy }) => busy)) return 'blocked';
    for (let tried = 0; tried < this.consumers.length; tried++) {
      const partition = this.next;
      this.next = (this.next + 1) % this.consumers.length;
      const consumer = this.consumers[partition]!;
      if (!peek(consumer)) continue;
      this.take(partition, consumer);
      release(consumer);
      const { topology, doorbells } = this.options;
      if (takeRefusal(consumer)) ring(doorbells[partitionThread(topology, partition)]!);
      return 'progressed';
    }
    if (this.gone.every((partitions) => partitions.size === this.consumers.length)) return this.finish();
    return 'idle';
  }

  /** Encodes a frame where it lies; what the JSON kernel reads must lie in its own memory. */
  private take(partition: number, consumer: RingConsumer): void {
    const { kind, payloadOffset, payloadBytes } = consumer;
    const header = readResultHeader(this.views[partition]!, payloadOffset);
    const output = this.options.plan.outputs[header.output]!;
    if (kind !== FRAME_DATA) return this.takeControl(partition, kind, payloadOffset, payloadBytes, header);
    const image = payloadOffset + RESULT_HEADER_BYTES;
    this.options.counters.add('resultRows', header.rows);
    const sinks = this.sinksOf[output.index]!;
    if (this.wantsJson(output, sinks)) {
      this.kernel.u8.set(this.bytes[partition]!.subarray(image, payloadOffset + payloadBytes), this.scratch);
      this.encodeJson(partition, output, sinks, header);
    }
    if (this.wanted(sinks, FORMAT_ARROW)) this.encodeArrow(partition, output, sinks, header, image);
  }

  private encodeJson(partition: number, output: OutputPlan, sinks: readonly number[], header: ResultHeader): void {
    const encoder = this.encoders[output.index]!;
    let row = 0;
    while (row < header.rows) {
      const lines = encoder.encode(this.scratch, row);
      if (lines.rows === 0)
        throw new Error(`a result row of sink output ${output.index} does not fit ${JSON_CHUNK_BYTES} bytes of JSON`);
      const offset = header.offset + row;
      this.options.counters.add('resultBytes', lines.bytes.byteLength);
      for (const sink of sinks) {
        this.options.byteSinks.get(sink)?.offer(lines.bytes);
        const head = text(`{"type":"rows","partition":${partition},"offset":${offset},"count":${lines.rows}}\n`);
        this.queue(sink, FORMAT_JSON, false, partition, offset + lines.rows, [head, lines.bytes.slice()]);
      }
      row += lines.rows;
    }
  }

  private encodeArrow(
    partition: number,
    output: OutputPlan,
    sinks: readonly number[],
    header: ResultHeader,
    image: number,
  ): void {
    const fields = this.arrowFields[output.index]!;
    const stream = encodeArrowStream(fields, this.bytes[partition]!, image, (bytes) => this.streamOf(bytes));
    this.options.counters.add('resultBytes', stream.byteLength);
    const head = text(
      `{"type":"rows","format":"arrow","partition":${partition},"offset":${header.offset},"count":${header.rows}}`,
    );
    for (const sink of sinks) {
      this.queue(sink, FORMAT_ARROW, false, partition, -1, [head]);
      this.queue(sink, FORMAT_ARROW, true, partition, header.offset + header.rows, [stream]);
    }
  }

  private streamOf(bytes: number): Uint8Array {
    if (this.stream.length < bytes) this.stream = new Uint8Array(bytes * 2);
    return this.stream.subarray(0, bytes);
  }

  private takeControl(partition: number, kind: number, at: number, bytes: number, header: ResultHeader): void {
    if (kind === FRAME_BARRIER) return; // Sinks keep nothing of a checkpoint yet.
    const frame = readControl(this.views[partition]!, at + RESULT_HEADER_BYTES, bytes - RESULT_HEADER_BYTES);
    const { output } = header;
    if ((frame.flags & FLAG_LAST) !== 0) {
      this.gone[output]!.add(partition);
      return;
    }
    const watermark = Number.isFinite(frame.watermark) ? frame.watermark : null;
    const type = kind === FRAME_END ? 'end' : kind === FRAME_IDLE ? 'idle' : 'watermark';
    const message = text(JSON.stringify({ type, partition, watermark }));
    for (const sink of this.sinksOf[output]!) {
      for (const format of [FORMAT_JSON, FORMAT_ARROW]) this.queue(sink, format, false, partition, -1, [message]);
    }
    if (kind !== FRAME_END) {
      this.ended[output]!.delete(partition);
      return;
    }
    this.ended[output]!.add(partition);
    if (this.ended[output]!.size === this.consumers.length) this.options.outputEnded(output);
  }

  private wantsJson(output: OutputPlan, sinks: readonly number[]): boolean {
    return output.sinks.some(({ kind }) => kind !== 'websocket') || this.wanted(sinks, FORMAT_JSON);
  }

  private wanted(sinks: readonly number[], format: number): boolean {
    const { subscriptions, topology } = this.options;
    for (let listener = 0; listener < topology.listeners; listener++) {
      if (sinks.some((sink) => subscriptions.wanted(listener, sink, format))) return true;
    }
    return false;
  }

  private queue(
    sink: number,
    format: number,
    binary: boolean,
    partition: number,
    nextOffset: number,
    parts: Uint8Array[],
  ): void {
    const header = writeMessageHeader({ sink, format, binary, partition, nextOffset });
    for (let listener = 0; listener < this.options.topology.listeners; listener++) {
      if (!this.options.subscriptions.wanted(listener, sink, format)) continue;
      this.pending.push({ listener, kind: FRAME_DATA, parts: [header, ...parts] });
    }
  }

  /** True when at least one message went out. */
  private sendPending(): boolean {
    let sent = 0;
    while (sent < this.pending.length) {
      const { listener, kind, parts } = this.pending[sent]!;
      if (!this.options.listeners[listener]!.tryPushBytes(kind, parts)) break;
      sent++;
    }
    this.pending.splice(0, sent);
    return sent > 0;
  }

  /** All partitions are gone: the listeners hear it behind the last result. */
  private finish(): StepResult {
    if (this.stopSaid) return 'done';
    this.stopSaid = true;
    for (let listener = 0; listener < this.options.topology.listeners; listener++) {
      this.pending.push({ listener, kind: FRAME_END, parts: [] });
    }
    return 'progressed';
  }
}

interface PendingMessage {
  listener: number;
  kind: number;
  parts: Uint8Array[];
}

const encoder = new TextEncoder();
const text = (value: string): Uint8Array => encoder.encode(value);
