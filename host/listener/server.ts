// host/listener/server.ts — one listener's sockets: routes, and who handles what. The only file that opens the port.
//
//   GET  /healthz  /metrics  /v1/streams  /v1/streams/NAME  /v1/sinks
//   POST /v1/checkpoints             a checkpoint now                (http-checkpoint.ts)
//   POST /v1/streams/NAME            rows as NDJSON or JSON          (http-ingest.ts)
//   WS   /v1/streams/NAME            rows in, acknowledgements out   (socket-ingest.ts)
//   WS   /v1/sinks/NAME?format=…     results out                     (subscribers.ts)
//
// Connections are dealt to listeners by the kernel, so every listener answers every route.
// Every handler runs inside `guarded`: a throw in one would end the process without a word.

import uWS, {
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_listen_socket,
  type WebSocket,
} from 'uWebSockets.js';
import type { Counters } from '../counters.ts';
import { FORMATS, type ResultFormat } from '../egress/message.ts';
import { type EngineLimits, UWS_PAYLOAD_FACTOR } from '../limits.ts';
import { streamNamed } from '../plan/compile.ts';
import type { Plan } from '../plan/plan.ts';
import { type HttpCheckpointOptions, postCheckpoint } from './http-checkpoint.ts';
import { type HttpIngestOptions, postRows } from './http-ingest.ts';
import { answerJson, answerText, notFound, refuse } from './http-reply.ts';
import type { IngestSocket, SocketIngest } from './socket-ingest.ts';
import { streamSchema } from './stream-schema.ts';
import type { Subscriber, Subscribers } from './subscribers.ts';

/** What a socket is for; set when it is upgraded. */
export interface SocketData {
  role: IngestSocket | Subscriber;
}

export interface ServerOptions extends HttpIngestOptions, HttpCheckpointOptions {
  plan: Plan;
  partitions: number;
  limits: EngineLimits;
  counters: Counters;
  subscribers: Subscribers;
  ingest: SocketIngest;
  /** Prometheus text of the whole engine. */
  metrics: () => string;
  /** 'ok', or why the engine takes no more rows. */
  health: () => { status: 'ok' | 'stopping' };
  failed: (error: unknown) => void;
}

export class Server {
  private readonly app: TemplatedApp;
  private listenSocket: us_listen_socket | false = false;

  constructor(options: ServerOptions) {
    this.app = uWS.App();
    routeSockets(this.app, options);
    routeHttp(this.app, options);
  }

  /** @returns whether the port could be opened; several listeners of one engine share it */
  listen(host: string, port: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.app.listen(host, port, (socket) => {
        this.listenSocket = socket;
        resolve(socket !== false);
      });
    });
  }

  /** No new connections; those that are open go on. */
  closePort(): void {
    if (this.listenSocket !== false) uWS.us_listen_socket_close(this.listenSocket);
    this.listenSocket = false;
  }

  /** Closes everything at once. Must happen before the thread ends: a live app would abort the process. */
  close(): void {
    this.app.close();
  }
}

/** Handlers must not throw into uWebSockets: what is unexpected ends the run with its message. */
function guarded<A extends unknown[]>(
  failed: (error: unknown) => void,
  handler: (...args: A) => void,
): (...args: A) => void {
  return (...args) => {
    try {
      handler(...args);
    } catch (error) {
      failed(error);
    }
  };
}

function routeSockets(app: TemplatedApp, options: ServerOptions): void {
  const { limits, counters, ingest, subscribers, failed, plan, partitions } = options;
  const behavior = {
    compression: uWS.DISABLED,
    maxPayloadLength: limits.frameBytesMax * UWS_PAYLOAD_FACTOR,
    maxBackpressure: limits.subscriberBytesMax * 2,
    closeOnBackpressureLimit: false,
    idleTimeout: 120,
    sendPingsAutomatically: true,
  };
  app.ws<SocketData>('/v1/streams/:name', {
    ...behavior,
    upgrade: guarded(failed, (res, req, context) => {
      const stream = streamNamed(plan, nameIn(req));
      if (stream === undefined) return notFound(res, counters, 'stream', nameIn(req), streamNames(plan));
      upgrade(res, req, context, counters, { role: ingest.newSocket(stream.index) });
    }),
    open: guarded(failed, (socket) => {
      counters.add('connectionsOpened', 1);
      ingest.open(socket as WebSocket<SocketData & { role: IngestSocket }>);
    }),
    // By hand, for a producer's frames come by the million: what `guarded` does, without its list of arguments.
    message: (socket, message, isBinary) => {
      try {
        ingest.message(roleOf(socket), message, isBinary);
      } catch (error) {
        failed(error);
      }
    },
    ping: guarded(failed, (socket) => ingest.heard((socket.getUserData() as { role: IngestSocket }).role)),
    pong: guarded(failed, (socket) => ingest.heard((socket.getUserData() as { role: IngestSocket }).role)),
    close: guarded(failed, (socket, code) => {
      countClose(counters, code);
      ingest.close((socket.getUserData() as { role: IngestSocket }).role);
    }),
  });
  app.ws<SocketData>('/v1/sinks/:name', {
    ...behavior,
    maxPayloadLength: 4096, // Subscribers have nothing to say.
    upgrade: guarded(failed, (res, req, context) => upgradeSubscriber(plan, counters, res, req, context)),
    open: guarded(failed, (socket) => {
      counters.add('connectionsOpened', 1);
      const role = socket.getUserData().role as Subscriber;
      subscribers.add(socket, role);
      const sink = sinkNames(plan)[role.sink];
      socket.send(JSON.stringify({ type: 'subscribed', sink, format: role.format, partitions }));
    }),
    message: guarded(failed, (socket) => {
      counters.refuse('UNEXPECTED_MESSAGE');
      socket.send(JSON.stringify({ type: 'error', code: 'UNEXPECTED_MESSAGE', message: 'a subscriber only listens' }));
    }),
    close: guarded(failed, (socket, code) => {
      countClose(counters, code);
      subscribers.remove(socket, socket.getUserData().role as Subscriber);
    }),
  });
}

/** The library's own getUserData leaves JavaScript; its socket objects live as long as their connections. */
function roleOf(socket: WebSocket<SocketData> & { ingest?: IngestSocket }): IngestSocket {
  socket.ingest ??= socket.getUserData().role as IngestSocket;
  return socket.ingest;
}

function routeHttp(app: TemplatedApp, options: ServerOptions): void {
  const { plan, failed, counters } = options;
  app.get(
    '/healthz',
    guarded(failed, (res) => answerJson(res, options.health().status === 'ok' ? 200 : 503, options.health())),
  );
  app.get(
    '/metrics',
    guarded(failed, (res) => answerText(res, 'text/plain; version=0.0.4', options.metrics())),
  );
  app.get(
    '/v1/streams',
    guarded(failed, (res) => answerJson(res, 200, { streams: streamNames(plan) })),
  );
  app.get(
    '/v1/sinks',
    guarded(failed, (res) => answerJson(res, 200, { sinks: sinkNames(plan) })),
  );
  app.get(
    '/v1/streams/:name',
    guarded(failed, (res, req) => {
      const name = nameIn(req);
      const stream = streamNamed(plan, name);
      if (stream === undefined) return notFound(res, counters, 'stream', name, streamNames(plan));
      answerJson(res, 200, streamSchema(stream, options.limits));
    }),
  );
  app.get(
    '/v1/sinks/:name',
    guarded(failed, (res, req) => {
      const name = nameIn(req);
      const output = plan.outputs.find(({ sinks }) => sinks.some((sink) => sink.name === name));
      if (output === undefined) return notFound(res, counters, 'sink', name, sinkNames(plan));
      answerJson(res, 200, {
        sink: name,
        fields: output.fields,
        subscribe: `ws://…/v1/sinks/${name}?format=json|arrow`,
      });
    }),
  );
  app.post(
    '/v1/streams/:name',
    guarded(failed, (res, req) => {
      const name = nameIn(req);
      const stream = streamNamed(plan, name);
      if (stream === undefined) return notFound(res, counters, 'stream', name, streamNames(plan));
      postRows(res, req, stream.index, options);
    }),
  );
  app.post(
    '/v1/checkpoints',
    guarded(failed, (res, req) => postCheckpoint(res, req, options)),
  );
  refuseTheRest(app, options);
}

/** Other methods of known paths, and unknown paths. */
function refuseTheRest(app: TemplatedApp, { counters, failed }: ServerOptions): void {
  for (const route of ALL_ROUTES) {
    app.any(
      route,
      guarded(failed, (res, req) =>
        refuse(res, counters, 405, {
          code: 'METHOD_NOT_ALLOWED',
          message:
            `${req.getMethod().toUpperCase().slice(0, 16)} is not for ${route}; ` +
            'rows are POSTed to /v1/streams/NAME, checkpoints asked for by POST, all else is GET',
        }),
      ),
    );
  }
  app.any(
    '/*',
    guarded(failed, (res, req) => notFound(res, counters, 'path', req.getUrl(), [...ROUTES])),
  );
}

const ROUTES = [
  '/healthz',
  '/metrics',
  '/v1/streams',
  '/v1/streams/NAME',
  '/v1/sinks',
  '/v1/sinks/NAME',
  '/v1/checkpoints',
] as const;
const ALL_ROUTES = ROUTES.map((route) => route.replace('NAME', ':name'));

/** The last part of the path; one that is wrongly encoded is nobody's name. */
function nameIn(req: HttpRequest): string {
  const written = req.getParameter(0) ?? '';
  try {
    return decodeURIComponent(written);
  } catch {
    return written;
  }
}

const streamNames = (plan: Plan): string[] => plan.streams.map(({ description }) => description.name);

/** All sinks of the job, in the order that gives each its index. */
export const sinkNames = (plan: Plan): string[] => plan.outputs.flatMap(({ sinks }) => sinks.map(({ name }) => name));

type Upgrade = Parameters<NonNullable<Parameters<TemplatedApp['ws']>[1]['upgrade']>>;

function upgrade(res: HttpResponse, req: HttpRequest, context: Upgrade[2], counters: Counters, data: SocketData): void {
  if (req.getHeader('sec-websocket-version') !== '13') {
    return refuse(res, counters, 426, {
      code: 'WEBSOCKET_VERSION',
      message: 'expected Sec-WebSocket-Version: 13',
    });
  }
  res.upgrade(
    data,
    req.getHeader('sec-websocket-key'),
    req.getHeader('sec-websocket-protocol'),
    req.getHeader('sec-websocket-extensions'),
    context,
  );
}

function upgradeSubscriber(
  plan: Plan,
  counters: Counters,
  res: HttpResponse,
  req: HttpRequest,
  context: Upgrade[2],
): void {
  const name = nameIn(req);
  const sink = sinkNames(plan).indexOf(name);
  const description = plan.outputs.flatMap(({ sinks }) => sinks)[sink];
  if (description === undefined) return notFound(res, counters, 'sink', name, sinkNames(plan));
  if (description.kind !== 'websocket') {
    return refuse(res, counters, 409, {
      code: 'NOT_SUBSCRIBABLE',
      message: `sink ${name} is a ${description.kind} sink; add websocket('…') to the pipeline's .to(…) to subscribe`,
    });
  }
  const format = (req.getQuery('format') ?? 'json') as ResultFormat;
  if (!FORMATS.includes(format)) {
    return refuse(res, counters, 400, {
      code: 'UNKNOWN_FORMAT',
      message: `format ${JSON.stringify(format.slice(0, 64))} is not known; expected ${FORMATS.join(' or ')}`,
    });
  }
  upgrade(res, req, context, counters, { role: { kind: 'subscriber', sink, format, resume: new Map(), cut: false } });
}

/** 1006: TCP ended without a close frame, as it does for frames over uWebSockets' own limit and for bad UTF-8. */
function countClose(counters: Counters, code: number): void {
  counters.add('connectionsClosed', 1);
  if (code === 1006) counters.add('connectionsAborted', 1);
}
