// host/listener/http-reply.ts — answers in one shape: JSON with a stable code for mistakes, and what would be right.

import type { HttpResponse } from 'uWebSockets.js';
import type { Counters, Refusal } from '../counters.ts';
import { didYouMean } from '../job/suggest.ts';

const STATUS: Record<number, string> = {
  200: '200 OK',
  400: '400 Bad Request',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  409: '409 Conflict',
  413: '413 Content Too Large',
  426: '426 Upgrade Required',
  503: '503 Service Unavailable',
};

export function answerJson(res: HttpResponse, status: number, body: unknown): void {
  res.cork(() => {
    res.writeStatus(STATUS[status] ?? `${status}`);
    res.writeHeader('content-type', 'application/json');
    res.end(`${JSON.stringify(body)}\n`);
  });
}

export function answerText(res: HttpResponse, type: string, body: string): void {
  res.cork(() => {
    res.writeHeader('content-type', type);
    res.end(body);
  });
}

export function refuse(
  res: HttpResponse,
  counters: Counters,
  status: number,
  error: { code: Refusal; message: string; known?: string[] },
): void {
  counters.refuse(error.code);
  answerJson(res, status, { type: 'error', ...error });
}

/** 404 with the names there are, and the nearest of them. */
export function notFound(
  res: HttpResponse,
  counters: Counters,
  what: 'stream' | 'sink' | 'path',
  seen: string,
  known: string[],
): void {
  const code = { stream: 'UNKNOWN_STREAM', sink: 'UNKNOWN_SINK', path: 'UNKNOWN_PATH' } as const;
  refuse(res, counters, 404, {
    code: code[what],
    message: `no ${what} ${JSON.stringify(seen.slice(0, 64))}${didYouMean(seen, known)}`,
    known,
  });
}
