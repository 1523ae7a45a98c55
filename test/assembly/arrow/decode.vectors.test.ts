// Streams that other Arrow libraries wrote, against what their JSON twins say. Every field of every stream is asked
// for as each builder type: it is decoded as the model says, or refused with the code the model names.
import { expect, test } from 'vitest';
import {
  ARROW_COLUMN_DUPLICATE,
  ARROW_COMPRESSED,
  ARROW_FILE_FORMAT,
  ARROW_OK,
  BUILDER_NULLABLE,
  TYPE_BOOL,
  TYPE_F64,
  TYPE_I32,
  TYPE_I64,
  TYPE_UTF8,
} from '../../../assembly/layout.ts';
import { bindingCode, cellOf } from '../../model/arrow-column.ts';
import { arrowDriver } from '../../support/arrow-decoder.ts';
import {
  rawValues,
  readFileFormat,
  readStream,
  readTwin,
  streamNames,
  type Twin,
} from '../../support/arrow-testing.ts';

/** What becomes of each stream: decoded, refused whole, or how many of its fields some builder type can take. */
const OUTCOMES: Record<string, string> = {
  '0.14.1/generated_datetime': 'decoded 11 of 15 fields',
  '0.14.1/generated_decimal': 'decoded 0 of 1 fields',
  '0.14.1/generated_dictionary': 'decoded 2 of 3 fields',
  '0.14.1/generated_interval': 'decoded 0 of 6 fields',
  '0.14.1/generated_map': 'decoded 0 of 1 fields',
  '0.14.1/generated_nested': 'decoded 0 of 3 fields',
  '0.14.1/generated_primitive': 'decoded 24 of 30 fields',
  '0.14.1/generated_primitive_no_batches': 'decoded 24 of 30 fields',
  '0.14.1/generated_primitive_zerolength': 'decoded 24 of 30 fields',
  '0.17.1/generated_union': 'decoded 0 of 4 fields',
  '2.0.0-compression/generated_lz4': 'refused: compressed',
  '2.0.0-compression/generated_uncompressible_lz4': 'refused: compressed',
  '2.0.0-compression/generated_uncompressible_zstd': 'refused: compressed',
  '2.0.0-compression/generated_zstd': 'refused: compressed',
  'cpp-21.0.0/generated_binary': 'decoded 2 of 8 fields',
  'cpp-21.0.0/generated_binary_no_batches': 'decoded 2 of 8 fields',
  'cpp-21.0.0/generated_binary_view': 'decoded 0 of 2 fields',
  'cpp-21.0.0/generated_binary_zerolength': 'decoded 2 of 8 fields',
  'cpp-21.0.0/generated_custom_metadata': 'decoded 3 of 4 fields',
  'cpp-21.0.0/generated_datetime': 'decoded 11 of 15 fields',
  'cpp-21.0.0/generated_decimal': 'decoded 0 of 36 fields',
  'cpp-21.0.0/generated_decimal256': 'decoded 0 of 33 fields',
  'cpp-21.0.0/generated_decimal32': 'decoded 0 of 7 fields',
  'cpp-21.0.0/generated_decimal64': 'decoded 0 of 16 fields',
  'cpp-21.0.0/generated_dictionary': 'decoded 2 of 3 fields',
  'cpp-21.0.0/generated_dictionary_unsigned': 'decoded',
  'cpp-21.0.0/generated_duplicate_fieldnames': 'decoded 0 of 3 fields',
  'cpp-21.0.0/generated_duration': 'decoded 0 of 4 fields',
  'cpp-21.0.0/generated_extension': 'decoded 1 of 2 fields',
  'cpp-21.0.0/generated_interval': 'decoded 0 of 2 fields',
  'cpp-21.0.0/generated_interval_mdn': 'decoded 0 of 1 fields',
  'cpp-21.0.0/generated_large_binary': 'decoded 2 of 4 fields',
  'cpp-21.0.0/generated_list_view': 'decoded 0 of 2 fields',
  'cpp-21.0.0/generated_map': 'decoded 0 of 1 fields',
  'cpp-21.0.0/generated_map_non_canonical': 'decoded 0 of 1 fields',
  'cpp-21.0.0/generated_nested': 'decoded 0 of 3 fields',
  'cpp-21.0.0/generated_nested_dictionary': 'decoded 0 of 2 fields',
  'cpp-21.0.0/generated_nested_large_offsets': 'decoded 0 of 3 fields',
  'cpp-21.0.0/generated_null': 'decoded',
  'cpp-21.0.0/generated_null_trivial': 'decoded',
  'cpp-21.0.0/generated_primitive': 'decoded',
  'cpp-21.0.0/generated_primitive_no_batches': 'decoded',
  'cpp-21.0.0/generated_primitive_zerolength': 'decoded',
  'cpp-21.0.0/generated_recursive_nested': 'decoded 0 of 2 fields',
  'cpp-21.0.0/generated_run_end_encoded': 'decoded 1 of 5 fields',
  'cpp-21.0.0/generated_union': 'decoded 0 of 4 fields',
};

const TARGETS = [TYPE_BOOL, TYPE_I32, TYPE_I64, TYPE_F64, TYPE_UTF8];

test('every stream of the collection stands in the table', () => {
  expect(Object.keys(OUTCOMES).sort()).toEqual(streamNames());
});

for (const name of streamNames()) {
  test(`${name}: ${OUTCOMES[name]}`, () => {
    const twin = readTwin(name);
    expect(outcome(name, twin)).toBe(OUTCOMES[name]);
  });
}

test('the file format is told from the stream format', () => {
  expect(arrowDriver([]).decode(readFileFormat('cpp-21.0.0/generated_primitive')).code).toBe(ARROW_FILE_FORMAT);
});

function outcome(name: string, twin: Twin): string {
  const stream = readStream(name);
  const { fields } = twin.schema;
  const whole = arrowDriver([]).decode(stream);
  if (whole.code === ARROW_COMPRESSED) return 'refused: compressed';
  expect(whole.code).toBe(ARROW_OK);
  let taken = 0;
  fields.forEach((field, index) => {
    if (fields.some((other, at) => at !== index && other.name === field.name)) {
      const { code } = arrowDriver([{ name: field.name, type: TYPE_I64, flags: 0 }]).decode(stream);
      // The first of the two is bound before the second is seen.
      expect(code).toBe(
        bindingCode(fields.find(({ name }) => name === field.name)!, TYPE_I64) || ARROW_COLUMN_DUPLICATE,
      );
      return;
    }
    const codes = TARGETS.map((target) => compareField(twin, stream, index, target));
    if (codes.includes(ARROW_OK)) taken++;
  });
  return taken === fields.length ? 'decoded' : `decoded ${taken} of ${fields.length} fields`;
}

/** Decodes one field as `target`, nullable and not, and compares; returns the code. */
function compareField(twin: Twin, stream: Uint8Array, index: number, target: number): number {
  const field = twin.schema.fields[index]!;
  const expectedCode = bindingCode(field, target);
  for (const nullable of [false, true]) {
    const driver = arrowDriver([{ name: field.name, type: target, flags: nullable ? BUILDER_NULLABLE : 0 }], {
      rowsMax: 7,
    });
    const decoded = driver.decode(stream);
    const where = `${field.name} as type ${target}, nullable ${nullable}`;
    expect(decoded.code, where).toBe(expectedCode);
    if (expectedCode !== ARROW_OK) continue;
    const cells = rawValues(twin, index).map((raw) => cellOf(field.type, raw, target, { nullable }));
    expect(decoded.columns[0], where).toEqual(cells.flatMap((cell) => ('value' in cell ? [cell.value] : [])));
    expect(decoded.rejects, where).toEqual(
      cells.flatMap((cell, row) => ('reason' in cell ? [{ row, reason: cell.reason, column: 0 }] : [])),
    );
    expect(decoded.rowNumbers, where).toEqual(cells.flatMap((cell, row) => ('value' in cell ? [row] : [])));
    expect(decoded.rowsSeen, where).toBe(cells.length);
  }
  return expectedCode;
}
