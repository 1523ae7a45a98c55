// bench/suites/e2e/baseline-server.ts — what both baselines are: one uWebSockets.js server that speaks as much of the
// protocol as the load generator and the subscriber need. TCP pushes back by itself, so the credit is without end.

import uWS, { type WebSocket } from 'uWebSockets.js';
import { answerQuestions, cpuSeconds } from './child.ts';

const CREDIT_WITHOUT_END = 2 ** 40;
const CONTROL_PREFIX = 0x21;

export interface Baseline {
  /** `message` is the library's own memory and must be used up before this returns. */
  take: (message: ArrayBuffer, publish: (bytes: string | Uint8Array) => void) => void;
  /** Every producer has said !end: what is left is published; what it returns goes along with the last word. */
  end: (publish: (bytes: string | Uint8Array) => void) => object;
}

interface Producer {
  frames: number;
}

export function serve({ take, end }: Baseline): void {
  const subscribers = new Set<WebSocket<unknown>>();
  const producers = new Set<WebSocket<Producer>>();
  let ended = 0;
  const publish = (bytes: string | Uint8Array) => {
    for (const subscriber of subscribers) subscriber.send(bytes, typeof bytes !== 'string');
  };
  const control = (socket: WebSocket<Producer>, text: string) => {
    if (text.startsWith('!hello')) socket.send(`{"type":"hello","resume":0,"credit":${CREDIT_WITHOUT_END}}`);
    if (text !== '!end') return;
    socket.send(`{"type":"ack","sequence":${socket.getUserData().frames},"credit":${CREDIT_WITHOUT_END}}`);
    if (++ended < producers.size) return;
    publish(JSON.stringify({ type: 'end', ...end(publish) }));
  };
  const app = uWS.App();
  app.ws<Producer>('/v1/streams/rows', {
    maxPayloadLength: 1024 * 1024,
    upgrade: (res, req, context) =>
      res.upgrade(
        { frames: 0 },
        req.getHeader('sec-websocket-key'),
        req.getHeader('sec-websocket-protocol'),
        req.getHeader('sec-websocket-extensions'),
        context,
      ),
    open: (socket) => {
      if (producers.size === 0) ended = 0;
      producers.add(socket);
    },
    message: (socket, message, isBinary) => {
      const first = new Uint8Array(message, 0, 1)[0];
      if (!isBinary && first === CONTROL_PREFIX) return control(socket, Buffer.from(message).toString());
      socket.getUserData().frames++;
      take(message, publish);
    },
    close: (socket) => void producers.delete(socket),
  });
  app.ws('/v1/sinks/totals', {
    maxBackpressure: 256 * 1024 * 1024,
    open: (socket) => {
      subscribers.add(socket);
      socket.send('{"type":"subscribed"}');
    },
    close: (socket) => void subscribers.delete(socket),
  });
  app.listen('127.0.0.1', 0, (socket) => {
    if (socket === false) throw new Error('no port');
    answerQuestions({ port: uWS.us_socket_local_port(socket) }, () => ({ cpuSeconds: cpuSeconds() }));
  });
}
