// host/egress/message.ts — what the egress thread tells a listener to send: one encoded message for a sink's subscribers.
//
//   ├ u32 sink ┼ u32 format ┼ u32 binary ┼ u32 partition ┼ f64 nextOffset ┼ message bytes … ┤
//
//   nextOffset   where a subscriber that has got this message goes on; −1: the message holds no rows

export const FORMAT_JSON = 0;
export const FORMAT_ARROW = 1;
export const FORMATS = ['json', 'arrow'] as const;
export type ResultFormat = (typeof FORMATS)[number];

export const MESSAGE_HEADER_BYTES = 24;

export interface MessageHeader {
  sink: number;
  format: number;
  binary: boolean;
  partition: number;
  nextOffset: number;
}

export function writeMessageHeader(header: MessageHeader): Uint8Array {
  const bytes = new Uint8Array(MESSAGE_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, header.sink, true);
  view.setUint32(4, header.format, true);
  view.setUint32(8, header.binary ? 1 : 0, true);
  view.setUint32(12, header.partition, true);
  view.setFloat64(16, header.nextOffset, true);
  return bytes;
}

export function readMessageHeader(bytes: Uint8Array): MessageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, MESSAGE_HEADER_BYTES);
  return {
    sink: view.getUint32(0, true),
    format: view.getUint32(4, true),
    binary: view.getUint32(8, true) === 1,
    partition: view.getUint32(12, true),
    nextOffset: view.getFloat64(16, true),
  };
}
