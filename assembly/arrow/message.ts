// assembly/arrow/message.ts — one message of an IPC stream: where its metadata, its body and its successor lie.
//
//   ├ 0xFFFFFFFF ┼ i32 metadataBytes ┼ flatbuffer Message, padded ┼ body (bodyLength) ┤ next …
//   before Arrow 0.15 the mark was missing; both forms are read. metadataBytes 0 ends the stream.
//
// Promises  the flatbuffer and the body lie inside the stream.
// Not here  what the header says (schema.ts, record-batch.ts).
// Source    Arrow Columnar Format 1.5, "Encapsulated message format"; Message.fbs.

import { flatBroken, flatChild, flatI16, flatI64, flatOpen, flatU8 } from './flat';
import {
  ARROW_MESSAGE_KIND,
  ARROW_METADATA,
  ARROW_METADATA_VERSION,
  ARROW_OK,
  ARROW_TRAILING,
  ARROW_TRUNCATED,
} from '../layout';

/** readMessage found the end of the stream: its mark, or the end of the bytes. */
export const MESSAGE_END = -1;

export const HEADER_SCHEMA = 1;
export const HEADER_DICTIONARY = 2;
export const HEADER_RECORDS = 3;

/** MetadataVersion of Schema.fbs: V4 is Arrow 0.8 to 0.17, V5 everything since 1.0. */
export const VERSION_4 = 3;
export const VERSION_5 = 4;

const CONTINUATION: u32 = 0xffffffff;

// The message last read. One at a time: these are registers, not state.
export let messageKind: i32 = 0;
export let messageHeader: usize = 0;
export let messageVersion: i32 = 0;
export let messageBody: usize = 0;
export let messageBodyBytes: u32 = 0;
export let messageNext: usize = 0;

/** Reads the message at `at`: ARROW_OK, MESSAGE_END or what is wrong. `left` bytes of the stream begin there. */
export function readMessage(at: usize, left: u32): i32 {
  if (left == 0) return MESSAGE_END;
  if (left < 4) return ARROW_TRUNCATED;
  let prefixBytes: u32 = 4;
  let metadataBytes = load<u32>(at);
  if (metadataBytes == CONTINUATION) {
    if (left < 8) return ARROW_TRUNCATED;
    prefixBytes = 8;
    metadataBytes = load<u32>(at, 4);
  }
  if (metadataBytes == 0) return left == prefixBytes ? MESSAGE_END : ARROW_TRAILING;
  if (metadataBytes > left - prefixBytes) return ARROW_TRUNCATED;
  const root = flatOpen(at + prefixBytes, metadataBytes);
  messageVersion = flatI16(root, 4, 0);
  messageKind = flatU8(root, 6, 0);
  messageHeader = flatChild(root, 8);
  const bodyBytes = flatI64(root, 10, 0);
  if (flatBroken() || messageHeader == 0 || bodyBytes < 0) return ARROW_METADATA;
  if (messageVersion < VERSION_4 || messageVersion > VERSION_5) return ARROW_METADATA_VERSION;
  if (messageKind < HEADER_SCHEMA || messageKind > HEADER_RECORDS) return ARROW_MESSAGE_KIND;
  if (bodyBytes > <i64>(left - prefixBytes - metadataBytes)) return ARROW_TRUNCATED;
  messageBody = at + prefixBytes + metadataBytes;
  messageBodyBytes = <u32>bodyBytes;
  messageNext = messageBody + messageBodyBytes;
  return ARROW_OK;
}
