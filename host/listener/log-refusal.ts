// host/listener/log-refusal.ts — what a producer is told when the log did not take its frame or its hello. Pure.

import type { Refusal } from '../counters.ts';
import {
  ENTRY_DUPLICATE_MISMATCH,
  ENTRY_FENCED,
  ENTRY_OUT_OF_SEQUENCE,
  ENTRY_TOO_MANY_PRODUCERS,
} from '../log/layout.ts';

export interface LogRefusal {
  code: Refusal;
  message: string;
  /** Beside code and message in the error. */
  details: { sequence?: number; expected?: number };
  /** Null: the connection stays. */
  closeCode: number | null;
}

/** @param value  what the log says with its verdict: the sequence expected, the epoch that is current */
export function logRefusal(
  verdict: number,
  { producer, epoch, sequence, value }: { producer: string; epoch: number; sequence: number; value: number },
): LogRefusal {
  const frame = sequence === 0 ? `the hello of producer ${producer}` : `frame ${sequence} of producer ${producer}`;
  switch (verdict) {
    case ENTRY_FENCED: {
      const message =
        value > epoch
          ? `epoch ${epoch} of producer ${producer} is over; epoch ${value} has been seen`
          : `another connection speaks for producer ${producer}`;
      return { code: 'FENCED', message, details: {}, closeCode: 4409 };
    }
    case ENTRY_TOO_MANY_PRODUCERS: {
      const message =
        'the log keeps as many producers as it may; ids are for senders that come back, not for connections';
      return { code: 'TOO_MANY_PRODUCERS', message, details: {}, closeCode: 1013 };
    }
    case ENTRY_OUT_OF_SEQUENCE: {
      const message = `${frame} was not taken: frame ${value} is the next; go back with «!sequence ${value}»`;
      return { code: 'OUT_OF_SEQUENCE', message, details: { sequence, expected: value }, closeCode: null };
    }
    case ENTRY_DUPLICATE_MISMATCH: {
      const message = `${frame} is in the log with other bytes; nothing was taken`;
      return { code: 'DUP_MISMATCH', message, details: { sequence }, closeCode: null };
    }
    default: {
      const message = `${frame}: the log does not know this producer, or no more, and cannot tell what is missing; begin with frame 1`;
      return { code: 'UNKNOWN_PRODUCER', message, details: { sequence }, closeCode: null };
    }
  }
}
