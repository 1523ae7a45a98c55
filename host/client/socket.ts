// host/client/socket.ts — opens a WebSocket to an engine; a refusal or an absent engine becomes a ClientError.

import { WebSocket } from 'ws';
import type { EngineAddress } from './address.ts';
import { ClientError, refusal } from './client-error.ts';
import { HANDSHAKE_MS_MAX, MESSAGE_BYTES_MAX, REFUSAL_BYTES_MAX } from './limits.ts';

/** In the time that a connection may be silent it is asked so often. */
const SILENT_TURNS = 3;

/**
 * @returns the socket before it is open: listen to it at once, the engine speaks first
 */
export function openSocket(address: EngineAddress, path: string): { socket: WebSocket; opened: Promise<void> } {
  const url = `${address.ws}${path}`;
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    handshakeTimeout: HANDSHAKE_MS_MAX,
    maxPayload: MESSAGE_BYTES_MAX,
    // Masks keep scripts in browsers from writing what proxies take for HTTP. On this machine stands no proxy, and a
    // mask of zeros spares a copy of every byte.
    ...(address.isLoopback ? { generateMask: (mask: Buffer) => void mask.fill(0) } : {}),
  });
  const opened = new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', (error) => reject(connectError(address, error)));
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        if (body.length < REFUSAL_BYTES_MAX) body += chunk.toString();
      });
      response.on('close', () => {
        reject(refusal(response.statusCode ?? 0, body, url));
        socket.terminate();
      });
    });
  });
  socket.on('error', () => undefined); // A close always follows; it is what is acted on.
  return { socket, opened };
}

/**
 * Ends a connection that has been silent for so long although it was asked for a sign of life: a peer that vanished
 * without a word leaves its socket open for a quarter of an hour. One that we do not read cannot be heard.
 */
export function endWhenSilent(socket: WebSocket, silentMsMax: number): void {
  let silentTurns = 0;
  const heard = () => {
    silentTurns = 0;
  };
  const turn = setInterval(() => {
    if (socket.isPaused) heard();
    if (++silentTurns > SILENT_TURNS) socket.terminate();
    else if (socket.readyState === WebSocket.OPEN) socket.ping();
  }, silentMsMax / SILENT_TURNS);
  socket.on('message', heard).on('pong', heard).on('ping', heard);
  socket.once('close', () => clearInterval(turn));
}

export function connectError({ ws }: EngineAddress, error: unknown): ClientError {
  const { code, message } = innermost(error);
  const why = code === 'ECONNREFUSED' ? 'nothing listens there' : (code ?? message);
  return new ClientError('CONNECT', `cannot reach an engine at ${ws}: ${why}`, { cause: error });
}

/** fetch and happy eyeballs wrap what the system said. */
function innermost(error: unknown): NodeJS.ErrnoException {
  let inner = error as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  for (;;) {
    const next = (inner.errors?.[0] ?? inner.cause) as typeof inner | undefined;
    if (!(next instanceof Error)) return inner;
    inner = next;
  }
}
