// host/cli/arrow-frames.ts — Arrow IPC streams of any length to frames that each hold one complete stream.
//
//   input   schema · dictionaries · batch · batch · batch … end │ schema …       (several streams may follow each other)
//   frames  ├ schema · dictionaries so far · batch · batch · end ┤├ schema · dictionaries so far · batch · end ┤
//
// Nothing is decoded: messages are cut by their lengths and put together anew. Of a message's metadata (Message.fbs)
// only its kind, its body's length, and a batch's row count are read.

import { dataError } from './cli-error.ts';
import { consecutive, type Frame, type FrameBounds } from './frame.ts';

const CONTINUATION = 0xffffffff;
const END_OF_STREAM = Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]);
const FILE_MAGIC = 'ARROW1';
const METADATA_BYTES_MAX = 16 * 1024 * 1024;

const KIND_SCHEMA = 1;
const KIND_DICTIONARY = 2;
const KIND_BATCH = 3;

interface Message {
  kind: number;
  /** Prefix, metadata and body. */
  bytes: Buffer;
  /** Of a batch. */
  rows: number;
  /** Of a dictionary: its id, and whether it adds to the one before. */
  dictionary: bigint;
  isDelta: boolean;
}

/** @throws CliError when the input is no Arrow stream, or a batch is larger than the engine takes */
export async function* arrowFrames(chunks: AsyncIterable<Buffer>, bounds: FrameBounds): AsyncGenerator<Frame> {
  const bytes = new ByteQueue(chunks);
  await refuseOthers(bytes);
  let schema: Message | null = null;
  let dictionaries: Message[] = [];
  let batches: Message[] = [];
  let rows = 0;
  const frame = (): Frame => {
    const parts = [schema!, ...dictionaries, ...batches].map((message) => message.bytes);
    const frameRows = batches.reduce((sum, batch) => sum + batch.rows, 0);
    const first = rows + 1;
    rows += frameRows;
    batches = [];
    return {
      text: false,
      bytes: Buffer.concat([...parts, END_OF_STREAM]),
      rows: frameRows,
      rowNumber: consecutive(first),
    };
  };
  const sizeWith = (message: Message): number => {
    return [schema!, ...dictionaries, ...batches, message].reduce(
      (sum, part) => sum + part.bytes.length,
      END_OF_STREAM.length,
    );
  };
  try {
    for (let message = await nextMessage(bytes); message !== null; message = await nextMessage(bytes)) {
      if (message.kind !== KIND_SCHEMA && schema === null) throw notArrow(bytes, 'a message in front of the schema');
      if (message.kind !== KIND_BATCH) {
        if (batches.length > 0) yield frame(); // Later dictionaries are not theirs.
        if (message.kind === KIND_SCHEMA) {
          schema = message;
          dictionaries = [];
        } else if (message.kind === KIND_DICTIONARY) dictionaries = withDictionary(dictionaries, message);
        continue;
      }
      const gathered = batches.reduce((sum, batch) => sum + batch.rows, 0);
      const isFull = gathered + message.rows > bounds.rowsMax || sizeWith(message) > bounds.bytesMax;
      if (batches.length > 0 && isFull) yield frame();
      const frameBytes = sizeWith(message);
      if (frameBytes > bounds.frameBytesMax) throw tooLarge(rows + 1, message, frameBytes, bounds);
      batches.push(message);
    }
  } catch (error) {
    if (batches.length > 0) yield frame(); // What stands in front of the mistake is sent.
    throw error;
  }
  if (schema === null) throw dataError('the input is empty', 'expected an Arrow IPC stream');
  if (batches.length > 0) yield frame();
}

function withDictionary(before: readonly Message[], message: Message): Message[] {
  if (message.isDelta) return [...before, message];
  return [...before.filter(({ dictionary }) => dictionary !== message.dictionary), message];
}

async function refuseOthers(bytes: ByteQueue): Promise<void> {
  const head = await bytes.peek(8);
  if (head.toString('latin1', 0, FILE_MAGIC.length) === FILE_MAGIC) {
    throw dataError(
      'the input is an Arrow IPC file (it begins with ARROW1); expected the IPC stream format',
      'write it with pyarrow.ipc.new_stream, arrow::ipc::writer::StreamWriter, or DuckDB COPY … (FORMAT arrows)',
    );
  }
  const text = head.toString('latin1').trimStart();
  if (/^[{["]/.test(text))
    throw dataError('the input looks like JSON, expected an Arrow IPC stream', 'try --format ndjson');
}

/** The next message; end-of-stream marks between concatenated streams are passed over. null: the input is over. */
async function nextMessage(bytes: ByteQueue): Promise<Message | null> {
  for (;;) {
    const prefix = await bytes.peek(8);
    if (prefix.length === 0) return null;
    if (prefix.length < 4) throw notArrow(bytes, `${prefix.length} bytes behind the last message`);
    // Streams written before Arrow 0.15 have no continuation mark; the length stands first.
    const hasMark = prefix.readUInt32LE(0) === CONTINUATION;
    if (hasMark && prefix.length < 8) throw notArrow(bytes, 'a message that is cut short');
    const prefixBytes = hasMark ? 8 : 4;
    const metadataBytes = prefix.readInt32LE(prefixBytes - 4);
    if (metadataBytes === 0) {
      await bytes.take(prefixBytes);
      continue;
    }
    if (metadataBytes < 16 || metadataBytes > METADATA_BYTES_MAX)
      throw notArrow(bytes, `metadata of ${metadataBytes} bytes`);
    const head = await bytes.peek(prefixBytes + metadataBytes);
    if (head.length < prefixBytes + metadataBytes) throw notArrow(bytes, 'a message that is cut short');
    const { bodyBytes, ...message } = readMetadata(head.subarray(prefixBytes), bytes);
    const whole = await bytes.take(head.length + bodyBytes);
    if (whole.length < head.length + bodyBytes) throw notArrow(bytes, 'a message that is cut short');
    return { ...message, bytes: whole };
  }
}

/** Field ids of Message: 1 header_type, 2 header, 3 bodyLength; of RecordBatch: 0 length; of DictionaryBatch: 0 id, 2 isDelta. */
function readMetadata(metadata: Buffer, bytes: ByteQueue): Omit<Message, 'bytes'> & { bodyBytes: number } {
  try {
    const message = metadata.readInt32LE(0);
    const kindAt = fieldAt(metadata, message, 1);
    const headerAt = fieldAt(metadata, message, 2);
    const bodyAt = fieldAt(metadata, message, 3);
    const kind = kindAt === 0 ? 0 : metadata.readUInt8(kindAt);
    const bodyBytes = bodyAt === 0 ? 0 : Number(metadata.readBigInt64LE(bodyAt));
    if (!(bodyBytes >= 0 && bodyBytes <= 0x7fffffff) || headerAt === 0)
      throw new RangeError(`a body of ${bodyBytes} bytes`);
    const header = headerAt + metadata.readInt32LE(headerAt);
    const firstAt = kind === KIND_SCHEMA ? 0 : fieldAt(metadata, header, 0);
    const first = firstAt === 0 ? 0n : metadata.readBigInt64LE(firstAt);
    const deltaAt = kind === KIND_DICTIONARY ? fieldAt(metadata, header, 2) : 0;
    return {
      kind,
      bodyBytes,
      rows: kind === KIND_BATCH ? Number(first) : 0,
      dictionary: first,
      isDelta: deltaAt !== 0 && metadata.readUInt8(deltaAt) !== 0,
    };
  } catch (error) {
    throw notArrow(bytes, `metadata that cannot be read (${(error as Error).message})`);
  }
}

/** Where a flatbuffer table's field stands; 0: absent. */
function fieldAt(metadata: Buffer, table: number, id: number): number {
  const vtable = table - metadata.readInt32LE(table);
  const slot = 4 + id * 2;
  if (slot >= metadata.readUInt16LE(vtable)) return 0;
  const offset = metadata.readUInt16LE(vtable + slot);
  return offset === 0 ? 0 : table + offset;
}

function notArrow(bytes: ByteQueue, seen: string): Error {
  return dataError(
    `no Arrow IPC stream: ${seen}, near byte ${bytes.position}`,
    'check that the file is whole and that --format is right',
  );
}

function tooLarge(row: number, batch: Message, frameBytes: number, { frameBytesMax }: FrameBounds): Error {
  const rowsThatFit = Math.max(1, Math.floor((batch.rows * frameBytesMax * 0.9) / frameBytes));
  return dataError(
    `the record batch that begins with row ${row} has ${batch.rows} rows and makes a frame of ${frameBytes} bytes; the engine takes at most ${frameBytesMax}`,
    `write smaller batches: about ${rowsThatFit} rows, e.g. writer.write_table(table, max_chunksize=${rowsThatFit})`,
  );
}

/** Chunks in, exactly as many bytes out as are asked for. */
class ByteQueue {
  /** Bytes taken so far. */
  position = 0;
  private readonly source: AsyncIterator<Buffer>;
  private parts: Buffer[] = [];
  private heldBytes = 0;
  private isOver = false;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.source = chunks[Symbol.asyncIterator]();
  }

  /** Fewer bytes only when the input is over. */
  async peek(bytes: number): Promise<Buffer> {
    while (this.heldBytes < bytes && !this.isOver) {
      const { value, done } = await this.source.next();
      if (done === true) this.isOver = true;
      else {
        this.parts.push(value);
        this.heldBytes += value.length;
      }
    }
    if (this.parts.length > 1 && this.parts[0]!.length < bytes) this.parts = [Buffer.concat(this.parts)];
    return (this.parts[0] ?? Buffer.alloc(0)).subarray(0, bytes);
  }

  async take(bytes: number): Promise<Buffer> {
    const taken = await this.peek(bytes);
    this.parts[0] = (this.parts[0] ?? taken).subarray(taken.length);
    if (this.parts[0].length === 0) this.parts.shift();
    this.heldBytes -= taken.length;
    this.position += taken.length;
    return taken;
  }
}
