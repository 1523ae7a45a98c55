// host/decode/arrow-errors.ts — what to tell a producer whose Arrow stream is refused.
//
// Each text says what was seen, what is expected, and which option of the common writers avoids it.
// Not here  refused rows: a reject carries a REASON_ code and its row (assembly/layout.ts).

import * as layout from '../../assembly/layout.ts';

export interface ArrowError {
  /** ARROW_ code: arrowBegin's answer, or arrowNext's with its sign turned. */
  code: number;
  /** arrowErrorDetail */
  detail: number;
  /** The column of arrowErrorColumn, undefined when the error is about no column. */
  column?: { name: string; type: number } | undefined;
}

/** Stable names of the ARROW_ codes from 1 on, as a producer is told them. */
const ERROR_NAMES = [
  'ARROW_TRUNCATED',
  'ARROW_NOT_STREAM',
  'ARROW_FILE_FORMAT',
  'ARROW_METADATA',
  'ARROW_METADATA_VERSION',
  'ARROW_MESSAGE_KIND',
  'ARROW_BIG_ENDIAN',
  'ARROW_COMPRESSED',
  'ARROW_FIELDS_LIMIT',
  'ARROW_UNKNOWN_TYPE',
  'ARROW_COLUMN_MISSING',
  'ARROW_COLUMN_DUPLICATE',
  'ARROW_COLUMN_TYPE',
  'ARROW_COLUMN_VIEW',
  'ARROW_COLUMN_NESTED',
  'ARROW_DICTIONARY_TYPE',
  'ARROW_BUFFERS',
  'ARROW_NULL_COUNT',
  'ARROW_OFFSETS',
  'ARROW_DICTIONARY_INDEX',
  'ARROW_DICTIONARY_DELTAS',
  'ARROW_DICTIONARY_UTF8',
  'ARROW_ROWS_LIMIT',
  'ARROW_TRAILING',
] as const satisfies (keyof typeof layout)[];

export function arrowErrorName(code: number): string {
  // biome-ignore lint/performance/noDynamicNamespaceImportAccess: the names stand in layout.ts once
  return ERROR_NAMES.find((name) => layout[name] === code) ?? 'ARROW';
}

const STREAM_WRITER =
  'pyarrow: pa.ipc.new_stream(…), polars: write_ipc_stream(…), JavaScript: tableToIPC(table, { format: "stream" })';

/** Names of Schema.fbs' union Type, by number. */
// biome-ignore format: a table reads better in rows
const TYPE_NAMES = [
  'none', 'null', 'int', 'floating point', 'binary', 'utf8', 'bool', 'decimal', 'date', 'time', 'timestamp',
  'interval', 'list', 'struct', 'union', 'fixed size binary', 'fixed size list', 'map', 'duration', 'large binary',
  'large utf8', 'large list', 'run-end encoded', 'binary view', 'utf8 view', 'list view', 'large list view',
];

/** What a column of each builder type takes. */
const TAKES: Readonly<Record<number, string>> = {
  [layout.TYPE_BOOL]: 'bool',
  [layout.TYPE_I32]: 'an integer type',
  [layout.TYPE_I64]: 'an integer type, timestamp or date',
  [layout.TYPE_F64]: 'a floating point or integer type',
  [layout.TYPE_UTF8]: 'utf8, large utf8 or a dictionary of them',
};

const CODECS = ['LZ4', 'ZSTD'];
const MESSAGE_KINDS = [
  'an empty message',
  'a schema',
  'a dictionary batch',
  'a record batch',
  'a tensor',
  'a sparse tensor',
];

/** One sentence of what was seen and what to do. */
export function arrowErrorText(error: ArrowError): string {
  const text = TEXTS[error.code];
  return text === undefined ? `Arrow stream refused with the unknown code ${error.code}` : text(error);
}

const TEXTS: Readonly<Record<number, (error: ArrowError) => string>> = {
  [layout.ARROW_TRUNCATED]: () =>
    'the stream ends inside a message; send it whole, in one frame, after closing the writer',
  [layout.ARROW_NOT_STREAM]: () =>
    `the first bytes are no Arrow IPC message; expected a complete IPC stream (${STREAM_WRITER})`,
  [layout.ARROW_FILE_FORMAT]: () =>
    `the bytes are an Arrow file (ARROW1, Feather); expected the stream format (${STREAM_WRITER})`,
  [layout.ARROW_METADATA]: () =>
    'a message has metadata that points outside itself or lacks a part; the bytes were damaged, or the writer is broken',
  [layout.ARROW_METADATA_VERSION]: ({ detail }) =>
    `metadata version V${detail + 1}; expected V4 or V5 (Arrow 0.8 and later; pyarrow: IpcWriteOptions(metadata_version=MetadataVersion.V5))`,
  [layout.ARROW_MESSAGE_KIND]: ({ detail }) =>
    `${MESSAGE_KINDS[detail] ?? 'an unknown message'} where it cannot stand; expected one schema, then dictionary and record batches`,
  [layout.ARROW_BIG_ENDIAN]: () =>
    'the stream is big-endian; expected little-endian (Arrow C++ and pyarrow on big-endian machines: swap before writing)',
  [layout.ARROW_COMPRESSED]: ({ detail }) =>
    `the buffers are compressed with ${CODECS[detail] ?? 'an unknown codec'}; expected none (pyarrow: IpcWriteOptions(compression=None), polars: compression="uncompressed")`,
  [layout.ARROW_FIELDS_LIMIT]: () =>
    `the schema has more than ${layout.ARROW_FIELDS_MAX} fields or nests deeper than ${layout.ARROW_DEPTH_MAX}; send only the columns that are needed`,
  [layout.ARROW_UNKNOWN_TYPE]: ({ detail }) =>
    `a field has the type number ${detail}, which the Arrow format up to 1.5 does not know; leave the field out or cast it`,
  [layout.ARROW_COLUMN_MISSING]: (error) =>
    `${columnOf(error)} is not in the stream's schema; expected a top-level field of that name, taking ${takes(error)}`,
  [layout.ARROW_COLUMN_DUPLICATE]: (error) =>
    `${columnOf(error)} stands twice in the stream's schema; expected once: rename or drop the other`,
  [layout.ARROW_COLUMN_TYPE]: (error) =>
    `${columnOf(error)} has the type ${seen(error)}; expected ${takes(error)}: cast it before writing`,
  [layout.ARROW_COLUMN_VIEW]: (error) =>
    `${columnOf(error)} has the type ${seen(error)}; expected ${takes(error)} (polars: compat_level=CompatLevel.oldest(); pyarrow and DataFusion: cast to utf8)`,
  [layout.ARROW_COLUMN_NESTED]: (error) =>
    `${columnOf(error)} has the nested type ${seen(error)}; expected ${takes(error)}: flatten it (pyarrow: table.flatten(), polars: unnest) or decode it (pyarrow: run_end_decode)`,
  [layout.ARROW_DICTIONARY_TYPE]: (error) =>
    `${columnOf(error)} is a dictionary of ${seen(error)}; expected a dictionary of utf8 or large utf8 (pyarrow: dictionary_decode(), then cast; polars: cast Categorical to String)`,
  [layout.ARROW_BUFFERS]: (error) =>
    `${batchOf(error)}: nodes or buffers do not fit the schema, the row count or the body; the bytes were damaged, or the writer is broken`,
  [layout.ARROW_NULL_COUNT]: (error) =>
    `${batchOf(error)}: the null count differs from the zeros in the validity bitmap; write exact counts, or no bitmap where nothing is null`,
  [layout.ARROW_OFFSETS]: (error) =>
    `${batchOf(error)}: text offsets fall or lie outside the text; the bytes were damaged, or the writer is broken`,
  [layout.ARROW_DICTIONARY_INDEX]: (error) =>
    `${batchOf(error)}: an index has no entry in the dictionary; expected its dictionary batch before the record batch (pyarrow: IpcWriteOptions(unify_dictionaries=True), or dictionary_decode())`,
  [layout.ARROW_DICTIONARY_DELTAS]: (error) =>
    `${batchOf(error)}: more than ${layout.ARROW_DELTAS_MAX} pieces of one dictionary (pyarrow: IpcWriteOptions(emit_dictionary_deltas=False))`,
  [layout.ARROW_DICTIONARY_UTF8]: (error) => `${batchOf(error)}: a dictionary entry is not UTF-8`,
  [layout.ARROW_ROWS_LIMIT]: () =>
    'a batch claims more rows than the bytes of the stream can hold (8 a byte); columns of type null alone carry no rows',
  [layout.ARROW_TRAILING]: () =>
    'bytes stand behind the end-of-stream mark; expected one stream a frame: send the next one in a frame of its own',
};

function columnOf({ column }: ArrowError): string {
  return column === undefined ? 'a column' : `column «${column.name}»`;
}

function batchOf(error: ArrowError): string {
  return error.column === undefined ? 'a batch' : `a batch, ${columnOf(error)}`;
}

function seen({ detail }: ArrowError): string {
  return TYPE_NAMES[detail] ?? `number ${detail}`;
}

function takes({ column }: ArrowError): string {
  return (column && TAKES[column.type]) ?? 'a type of its own';
}
