// host/listener/http-ingest.ts — POST of rows: one body is one frame of the anonymous producer.
//
//   POST /v1/streams/NAME              NDJSON, a JSON object or array; Arrow with content-type application/vnd.apache.arrow.stream
//   POST /v1/streams/NAME?watermark=T  says that nothing before T will follow (body may be empty)
//   POST /v1/streams/NAME?end          says that nothing more will follow
//   POST /v1/streams/NAME?idle         takes the anonymous producer out of time until its next row
//
// The answer comes when every row is in its partition's ring or rejected by name.

import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { Counters, Refusal } from '../counters.ts';
import type { EngineLimits } from '../limits.ts';
import type { ListenerBody } from './body.ts';
import { newConnection, type Replies, type RowReject } from './connection.ts';
import { type ControlMessage, parseControl } from './control-text.ts';
import { answerJson, refuse } from './http-reply.ts';
import { FRAME_ARROW, FRAME_JSON, FRAME_SAYS_END, FRAME_SAYS_IDLE, FRAME_SAYS_WATERMARK } from './inbox.ts';
import { ANONYMOUS } from './producers.ts';

export interface HttpIngestOptions {
  body: ListenerBody;
  limits: EngineLimits;
  counters: Counters;
  nowMs: () => number;
  wake: () => void;
  stopping: () => boolean;
}

const ARROW_TYPE = 'application/vnd.apache.arrow.stream';

/** Bytes of bodies that are still arriving, all requests together; bounded by the inbox's size. */
let arrivingBytes = 0;

export function postRows(res: HttpResponse, req: HttpRequest, stream: number, options: HttpIngestOptions): void {
  const said = saidInQuery(req);
  const kind = req.getHeader('content-type').startsWith(ARROW_TYPE) ? FRAME_ARROW : FRAME_JSON;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let answered = false;
  const answer = (status: number, body: object) => {
    if (answered) return;
    answered = true;
    answerJson(res, status, body);
  };
  const refused = (status: number, code: Refusal, message: string) => {
    if (answered) return;
    answered = true;
    refuse(res, options.counters, status, { code, message });
  };
  const forget = () => {
    arrivingBytes -= bytes;
    bytes = 0;
    chunks.length = 0;
  };
  res.onAborted(() => {
    answered = true;
    options.counters.add('connectionsAborted', 1);
    forget();
  });
  if (said !== null && said.type === 'mistake') return refused(400, 'BAD_QUERY', said.message);
  if (lengthHeaders(req) > 1) return refused(400, 'BAD_REQUEST', 'more than one Content-Length');
  res.onData((chunk, isLast) => {
    if (answered) return;
    bytes += chunk.byteLength;
    arrivingBytes += chunk.byteLength;
    if (bytes > options.limits.frameBytesMax) {
      options.counters.add('framesOversize', 1);
      forget();
      const message = `the body is larger than ${options.limits.frameBytesMax} bytes; send several`;
      return refused(413, 'FRAME_TOO_LARGE', message);
    }
    if (arrivingBytes > options.limits.inboxBytes || options.stopping()) {
      forget();
      return refused(503, options.stopping() ? 'SHUTTING_DOWN' : 'RETRY_LATER', 'try again in a moment');
    }
    chunks.push(new Uint8Array(chunk.slice(0)));
    if (!isLast) return;
    const body = Buffer.concat(chunks);
    forget();
    take(body, kind, said, stream, options, answer, refused);
  });
}

function take(
  bytes: Uint8Array,
  kind: number,
  said: ControlMessage | null,
  stream: number,
  options: HttpIngestOptions,
  answer: (status: number, body: object) => void,
  refused: (status: number, code: Refusal, message: string) => void,
): void {
  const { body, counters, nowMs, wake } = options;
  const ingress = body.streams[stream]!;
  const errors: RowReject[] = [];
  const total = { rows: 0, rejected: 0 };
  let awaited = 0;
  const replies: Replies = {
    durable: () => undefined, // The answer counts rows, so it waits for them to be placed.
    opened: () => undefined,
    refused: () => refused(503, 'RETRY_LATER', 'the log did not take the rows'), // Anonymous rows never are.
    rejected: (_connection, reject) => void errors.push(reject),
    acknowledge: (connection) => {
      if (connection.decodedFrames > 0)
        counters.latency((nowMs() - connection.oldestMs) / 1000, connection.decodedFrames);
      total.rows += connection.rows;
      total.rejected += connection.rejectedRows;
      awaited -= connection.decodedFrames;
      if (awaited > 0) return;
      const named = errors.map(({ sequence: _sequence, ...reject }) => reject);
      answer(total.rows === 0 && total.rejected > 0 ? 400 : 200, { ...total, errors: named });
    },
  };
  const producer = ingress.isLogged ? null : ingress.producers.join(ANONYMOUS, ingress.nowMs);
  const connection = newConnection(ingress, producer, replies);
  ingress.inbox.register(connection);
  const frames: [number, Uint8Array | null, number][] = [];
  if (bytes.byteLength > 0 || said === null) frames.push([kind, bytes, 0]);
  if (said !== null) frames.push([saidKind(said), null, said.type === 'watermark' ? said.time : 0]);
  for (const [frameKind, frameBytes, value] of frames) {
    if (frameBytes !== null) {
      counters.add('framesReceived', 1);
      counters.add('bytesReceived', frameBytes.byteLength);
    }
    if (!body.tryTakeIn(connection, frameKind, frameBytes, value, nowMs())) {
      counters.add('framesRefused', 1);
      ingress.inbox.forget(connection);
      return refused(503, 'RETRY_LATER', 'the inbox is full; try again in a moment');
    }
    awaited++;
  }
  ingress.inbox.forget(connection);
  wake();
}

/** Two that differ are how a request is smuggled past a proxy; the socket library takes the first. */
function lengthHeaders(req: HttpRequest): number {
  let count = 0;
  req.forEach((name) => {
    if (name === 'content-length') count++;
  });
  return count;
}

/** From the whole query: asked for one name, uWebSockets does not tell `?end` from its absence. */
function saidInQuery(req: HttpRequest): ControlMessage | null {
  const query = new URLSearchParams(req.getQuery());
  const watermark = query.get('watermark');
  if (watermark !== null) return parseControl(`!watermark ${watermark}`);
  if (query.has('end')) return { type: 'end' };
  return query.has('idle') ? { type: 'idle' } : null;
}

const saidKind = (said: ControlMessage): number =>
  said.type === 'watermark' ? FRAME_SAYS_WATERMARK : said.type === 'idle' ? FRAME_SAYS_IDLE : FRAME_SAYS_END;
