// host/encode/json.ts — the plan of encodeJson: which fields a line has, their names escaped once.
//
// Not here  the lines themselves (assembly/encode/json.ts).

import { ENCODE_OFFSET, ENCODE_PARTITION } from '../../assembly/layout.ts';

export interface JsonField {
  name: string;
  /** Index of the batch's column, or one of the two values that are the call's own. */
  from: number | 'partition' | 'offset';
}

/** Bytes for encodeJson's `plan`, to be put at a 4-aligned address; the picture is in assembly/encode/json.ts. */
export function jsonPlan(fields: readonly JsonField[]): Uint8Array {
  const names = fields.map(({ name }) => new TextEncoder().encode(`${JSON.stringify(name)}:`));
  const headBytes = 4 + fields.length * 12;
  const plan = new Uint8Array(names.reduce((sum, { length }) => sum + length, headBytes));
  const view = new DataView(plan.buffer);
  view.setUint32(0, fields.length, true);
  let nameOffset = headBytes;
  for (const [index, { from }] of fields.entries()) {
    const name = names[index]!;
    const at = 4 + index * 12;
    view.setInt32(at, from === 'partition' ? ENCODE_PARTITION : from === 'offset' ? ENCODE_OFFSET : from, true);
    view.setUint32(at + 4, nameOffset, true);
    view.setUint32(at + 8, name.length, true);
    plan.set(name, nameOffset);
    nameOffset += name.length;
  }
  return plan;
}
