// host/cli/input.ts — a file or standard input as a stream of bytes, unpacked from gzip or zstd on the way.
//
// Bounded memory: a chunk is read when the last one has been taken. `readBytes` counts the file's own bytes (packed),
// so that a share of `totalBytes` can be shown.

import { createReadStream, type ReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { dataError, ioError } from './cli-error.ts';

export interface Input {
  /** As shown to people. */
  readonly name: string;
  readonly chunks: AsyncIterable<Buffer>;
  /** null: nobody knows (a pipe). */
  readonly totalBytes: number | null;
  readonly readBytes: () => number;
  close(): void;
}

/** One chunk makes one frame of lines; see ndjson-frames.ts. */
const CHUNK_BYTES = 256 * 1024;

/** Extensions that say how a file is packed; the name without it says what is in it. */
const PACKED = { '.gz': 'gzip', '.zst': 'zstd' } as const;

/** `rows.csv.gz` → packing gzip, contents `rows.csv`. */
export function packingOf(file: string): { packing: 'gzip' | 'zstd' | 'none'; contents: string } {
  for (const [extension, packing] of Object.entries(PACKED)) {
    if (file.toLowerCase().endsWith(extension)) return { packing, contents: file.slice(0, -extension.length) };
  }
  return { packing: 'none', contents: file };
}

/** @param file  a path, or - for standard input */
export async function openInput(file: string): Promise<Input> {
  if (file === '-') return inputOf('standard input', process.stdin, 'none', null);
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw ioError(`cannot open ${file}`, error);
  });
  const stats = await handle.stat();
  if (stats.isDirectory()) {
    await handle.close();
    throw ioError(`cannot read ${file}`, Object.assign(new Error('EISDIR'), { code: 'EISDIR' }));
  }
  const stream = createReadStream(file, { fd: handle, highWaterMark: CHUNK_BYTES });
  return inputOf(file, stream, packingOf(file).packing, stats.isFile() ? stats.size : null);
}

function inputOf(
  name: string,
  stream: NodeJS.ReadStream | ReadStream,
  packing: 'gzip' | 'zstd' | 'none',
  totalBytes: number | null,
): Input {
  let readBytes = 0;
  const counted = async function* () {
    try {
      for await (const chunk of stream) {
        readBytes += (chunk as Buffer).byteLength;
        yield chunk as Buffer;
      }
    } catch (error) {
      throw ioError(`cannot read ${name}`, error);
    }
  };
  return {
    name,
    chunks: packing === 'none' ? counted() : unpacked(counted(), packing, name),
    totalBytes,
    readBytes: () => readBytes,
    close: () => void stream.destroy(),
  };
}

async function* unpacked(
  packed: AsyncIterable<Buffer>,
  packing: 'gzip' | 'zstd',
  name: string,
): AsyncGenerator<Buffer> {
  const unpack =
    packing === 'gzip' ? createGunzip({ chunkSize: CHUNK_BYTES }) : createZstdDecompress({ chunkSize: CHUNK_BYTES });
  const feed = pipeline(packed, unpack).catch(() => undefined); // The reader below meets the same error.
  try {
    for await (const chunk of unpack) yield chunk as Buffer;
  } catch (error) {
    if ((error as Error).name === 'CliError') throw error;
    throw dataError(
      `${name} does not unpack as ${packing}: ${(error as Error).message}`,
      'check that the file is whole; its extension says how it is packed',
    );
  }
  await feed;
}
