// host/client/client-error.ts — what went wrong between a client and the engine: one class, told apart by `code`.
//
// Codes are the engine's own (PROTOCOL.md) and, from this side: CONNECT, CONNECTION_LOST, CLOSED, UNEXPECTED_ANSWER.

export interface ClientErrorFacts {
  cause?: unknown;
  /** Names that would have been right. */
  known?: readonly string[];
  /** Last frame that the engine has acknowledged, and last frame that was sent. */
  acknowledgedSequence?: number;
  sentSequence?: number;
  /** Next offset by partition: where a subscriber that was cut off goes on. */
  resume?: Readonly<Record<string, number>>;
}

export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: string;
  readonly known: readonly string[];
  readonly acknowledgedSequence: number;
  readonly sentSequence: number;
  readonly resume: Readonly<Record<string, number>>;

  constructor(code: string, message: string, facts: ClientErrorFacts = {}) {
    super(message, { cause: facts.cause });
    this.code = code;
    this.known = facts.known ?? [];
    this.acknowledgedSequence = facts.acknowledgedSequence ?? 0;
    this.sentSequence = facts.sentSequence ?? 0;
    this.resume = facts.resume ?? {};
  }
}

export const isClientError = (error: unknown): error is ClientError =>
  error instanceof Error && error.name === 'ClientError';

/** An HTTP answer that refuses: the engine's own words, or what stood there instead. */
export function refusal(status: number, body: string, url: string): ClientError {
  try {
    const { code, message, known } = JSON.parse(body) as { code?: string; message?: string; known?: string[] };
    if (typeof code === 'string') return new ClientError(code, message ?? code, { known: known ?? [] });
  } catch {
    // Not an engine's answer: said below.
  }
  const seen = body.trim().slice(0, 80);
  return new ClientError(
    'UNEXPECTED_ANSWER',
    `${url} answers ${status}${seen === '' ? '' : ` (${seen})`}; is this a Pelton engine?`,
  );
}
