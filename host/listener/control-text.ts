// host/listener/control-text.ts — control messages of producers: text frames that begin with "!" (no JSON does).
//
//   !hello {"producer":"sensor-7","epoch":3}     !sequence 18     !watermark 1700000000000     !idle     !end
//
// Pure: text in, message or a named mistake out. The replies are JSON objects with a `type`; PROTOCOL.md lists them.

import { TIME_MAX, TIME_MIN } from '../../assembly/layout.ts';
import { PRODUCER_ID_BYTES_MAX } from '../limits.ts';

export const PROTOCOL_VERSION = 1;
export const CONTROL_PREFIX = 0x21; // "!"
/** An epoch is kept in 32 bits. */
const EPOCH_MAX = 0xffff_ffff;

export type ControlMessage =
  | { type: 'hello'; producer: string; epoch: number; sequence: number | null }
  | { type: 'sequence'; sequence: number }
  | { type: 'watermark'; time: number }
  | { type: 'idle' }
  | { type: 'end' }
  | { type: 'mistake'; message: string };

export function parseControl(text: string): ControlMessage {
  const match = /^!([a-z]+)(?:\s+([\s\S]*))?$/.exec(text.trimEnd());
  const rest = match?.[2]?.trim() ?? '';
  switch (match?.[1]) {
    case 'hello':
      return parseHello(rest);
    case 'sequence':
      return parseSequence(rest);
    case 'watermark':
      return parseWatermark(rest);
    case 'idle':
      return { type: 'idle' };
    case 'end':
      return { type: 'end' };
    default:
      return mistake(
        `unknown control message ${JSON.stringify(text.slice(0, 40))}; known: !hello, !sequence, !watermark, !idle, !end`,
      );
  }
}

function parseHello(rest: string): ControlMessage {
  let body: unknown;
  try {
    body = JSON.parse(rest === '' ? '{}' : rest);
  } catch {
    return mistake('!hello takes a JSON object, e.g. !hello {"producer":"sensor-7","epoch":1}');
  }
  const { producer, epoch = 0, sequence = null } = (body ?? {}) as Record<string, unknown>;
  if (typeof producer !== 'string' || producer === '' || Buffer.byteLength(producer) > PRODUCER_ID_BYTES_MAX) {
    return mistake(
      `producer must be a string of 1 to ${PRODUCER_ID_BYTES_MAX} bytes; leave !hello out to send anonymously`,
    );
  }
  if (!isWhole(epoch, 0, EPOCH_MAX)) return mistake(`epoch must be an integer from 0 to ${EPOCH_MAX}`);
  if (sequence !== null && !isWhole(sequence, 1)) return mistake('sequence must be an integer from 1');
  return { type: 'hello', producer, epoch: epoch as number, sequence: sequence as number | null };
}

function parseSequence(rest: string): ControlMessage {
  const sequence = /^\d{1,16}$/.test(rest) ? Number(rest) : Number.NaN;
  if (isWhole(sequence, 1)) return { type: 'sequence', sequence };
  return mistake(`!sequence takes the number of the next frame, from 1; seen ${JSON.stringify(rest.slice(0, 40))}`);
}

const isWhole = (value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): boolean =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;

function parseWatermark(rest: string): ControlMessage {
  const time = /^-?\d{1,16}$/.test(rest) ? Number(rest) : Number.NaN;
  if (!(time >= TIME_MIN && time <= TIME_MAX)) {
    return mistake(
      `!watermark takes epoch milliseconds within ±${TIME_MAX}, seen ${JSON.stringify(rest.slice(0, 40))}`,
    );
  }
  return { type: 'watermark', time };
}

const mistake = (message: string): ControlMessage => ({ type: 'mistake', message });
