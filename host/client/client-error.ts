// host/client/client-error.ts — what went wrong between a client and the engine: one class, told apart by `code`.
//
// Codes are the engine's own (PROTOCOL.md) and, from this side: CONNECT, CONNECTION_LOST, CLOSED, UNEXPECTED_ANSWER,
// PENDING_FULL, GAP.

export interface ClientErrorFacts {
  cause?: unknown;
  /** Names that would have been right. */
  known?: readonly string[];
  /** Last frame that the engine has acknowledged, and last frame that was sent. */
  acknowledgedSequence?: number;
  sentSequence?: number;
  /** Next offset by partition: where a subscriber that was cut off goes on. */
  resume?: Readonly<Record<string, number>>;
  /** Earliest offset by partition that is still there (OFFSET_PRUNED). */
  earliest?: Readonly<Record<string, number>>;
  /** The engine's word on when to try again. */
  afterMs?: number | undefined;
  /** This frame, and all behind it, are certainly not stored. */
  notStoredFrom?: number | undefined;
}

export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: string;
  readonly known: readonly string[];
  readonly acknowledgedSequence: number;
  readonly sentSequence: number;
  readonly resume: Readonly<Record<string, number>>;
  readonly earliest: Readonly<Record<string, number>>;
  readonly afterMs: number | undefined;
  readonly notStoredFrom: number | undefined;

  constructor(code: string, message: string, facts: ClientErrorFacts = {}) {
    super(message, { cause: facts.cause });
    this.code = code;
    this.known = facts.known ?? [];
    this.acknowledgedSequence = facts.acknowledgedSequence ?? 0;
    this.sentSequence = facts.sentSequence ?? 0;
    this.resume = facts.resume ?? {};
    this.earliest = facts.earliest ?? {};
    this.afterMs = facts.afterMs;
    this.notStoredFrom = facts.notStoredFrom;
  }
}

export const isClientError = (error: unknown): error is ClientError =>
  error instanceof Error && error.name === 'ClientError';

/** The codes after which the same thing may succeed later, or on another connection. */
const PASSING = new Set([
  'CONNECT',
  'CONNECTION_LOST',
  'SHUTTING_DOWN',
  'RETRY_LATER',
  'READ_ONLY',
  'OUT_OF_SEQUENCE', // Behind a frame that was refused for now; the next hello says where to go on.
  'CREDIT_EXCEEDED',
  'ACKS_UNREAD',
  'FRAME_UNFINISHED',
  'TOO_MANY_PRODUCERS',
  'SUBSCRIBER_TOO_SLOW',
]);

export const mayPass = ({ code }: ClientError): boolean => PASSING.has(code);

/** An HTTP answer that refuses: the engine's own words, or what stood there instead. */
export function refusal(status: number, body: string, url: string): ClientError {
  try {
    const { code, message, known, afterMs } = JSON.parse(body) as Partial<ClientError>;
    if (typeof code === 'string') return new ClientError(code, message ?? code, { known: known ?? [], afterMs });
  } catch {
    // Not an engine's answer: said below.
  }
  const seen = body.trim().slice(0, 80);
  const answer = `${url} answers ${status}${seen === '' ? '' : ` (${seen})`}`;
  // A proxy in front of an engine that is away says so with 502 to 504.
  if (status >= 500) return new ClientError('CONNECT', answer);
  return new ClientError('UNEXPECTED_ANSWER', `${answer}; is this a Pelton engine?`);
}
