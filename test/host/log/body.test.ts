// What listeners hear of the log: moves, repetitions, refusals; and that no inbox keeps another waiting.
import { expect, test } from 'vitest';
import {
  ENTRY_ACCEPTED,
  ENTRY_DUPLICATE,
  ENTRY_FENCED,
  ENTRY_OPEN,
  ENTRY_OUT_OF_SEQUENCE,
} from '../../../host/log/layout.ts';
import { type EntryToPush, pushEntry } from '../../support/log-entries.ts';
import { emptyData, LISTENERS, type Rig, settle, startRig, step } from '../../support/log-rig.ts';
import { SimDisk } from '../../support/sim-disk.ts';

const push = (rig: Rig, listener: number, stream: number, entry: EntryToPush) => {
  const { writer, place } = rig.inboxes[stream * LISTENERS + listener]!;
  return pushEntry(writer, place, entry);
};

async function serving(): Promise<Rig> {
  const rig = await startRig(emptyData(new SimDisk()));
  await settle(rig);
  return rig;
}

test('a producer that opens elsewhere is moved: its old listener hears from which group on, and is fenced', async () => {
  const rig = await serving();
  const at = { producer: 1, epoch: 1, connection: 1 };
  push(rig, 0, 1, { kind: ENTRY_OPEN, payload: 'p', epoch: 1, connection: 1 });
  push(rig, 0, 1, { ...at, payload: 'one', sequence: 1 });
  await settle(rig);
  push(rig, 0, 1, { ...at, payload: 'two', sequence: 2 });
  push(rig, 1, 1, { kind: ENTRY_OPEN, payload: 'p', epoch: 1, connection: 5 });
  await settle(rig);
  push(rig, 0, 1, { ...at, payload: 'three', sequence: 3 });
  push(rig, 1, 1, { ...at, connection: 5, payload: 'four', sequence: 3 });
  await settle(rig);
  const said = rig.released.map(({ payload, verdict, listener }) => [payload, verdict, listener]);
  expect(said).toEqual([
    ['p', ENTRY_ACCEPTED, 0],
    ['one', ENTRY_ACCEPTED, 0],
    ['two', ENTRY_ACCEPTED, 0],
    ['p', ENTRY_ACCEPTED, 1],
    ['three', ENTRY_FENCED, 0],
    ['four', ENTRY_ACCEPTED, 1],
  ]);
  const opened = rig.released[3]!;
  expect(opened).toMatchObject({ producer: 1, value: 2 });
  expect(rig.moves).toEqual([{ listener: 0, stream: 1, group: opened.group, producer: 1, to: 1 }]);
  expect(rig.released[2]!.group).toBeLessThan(opened.group);
});

test('refused entries alone are answered without a group of their own; all listeners hear of every group', async () => {
  const rig = await serving();
  push(rig, 0, 0, { kind: ENTRY_OPEN, payload: 'p', epoch: 1, connection: 1 });
  push(rig, 0, 0, { producer: 1, epoch: 1, connection: 1, payload: 'one', sequence: 1 });
  await settle(rig);
  const last = rig.body.lastGroup;
  expect(rig.heard).toEqual([last, last]);
  push(rig, 0, 0, { producer: 1, epoch: 1, connection: 1, payload: 'one', sequence: 1 });
  push(rig, 0, 0, { producer: 1, epoch: 1, connection: 1, payload: 'five', sequence: 5 });
  const asked = rig.disk.operations.length;
  await settle(rig);
  expect(rig.released.slice(2).map(({ verdict, value }) => [verdict, value])).toEqual([
    [ENTRY_DUPLICATE, rig.released[1]!.group],
    [ENTRY_OUT_OF_SEQUENCE, 2],
  ]);
  expect([rig.body.lastGroup, rig.disk.operations.length]).toEqual([last, asked]);
});

test('a duplicate of an entry that is not durable yet waits for its sync', async () => {
  const rig = await serving();
  push(rig, 0, 0, { kind: ENTRY_OPEN, payload: 'p', epoch: 1, connection: 1 });
  await settle(rig);
  const frame = { producer: 1, epoch: 1, connection: 1, payload: 'one', sequence: 1 };
  push(rig, 0, 0, frame);
  while (step(rig) === 'progressed');
  push(rig, 0, 0, frame);
  while (step(rig) === 'progressed');
  expect(rig.released.length).toBe(1);
  await settle(rig);
  expect(rig.released.map(({ verdict }) => verdict)).toEqual([ENTRY_ACCEPTED, ENTRY_ACCEPTED, ENTRY_DUPLICATE]);
});

test('an inbox that is never empty keeps neither a hello nor a large frame of another one waiting', async () => {
  const rig = await serving();
  const fill = () => {
    while (push(rig, 0, 0, { payload: 'x'.repeat(100) }));
  };
  fill();
  push(rig, 1, 1, { kind: ENTRY_OPEN, payload: 'p', epoch: 1, connection: 1 });
  push(rig, 1, 1, { payload: 'y'.repeat(680) });
  push(rig, 1, 1, { kind: ENTRY_OPEN, payload: 'q', epoch: 1, connection: 2 });
  const waited = () => rig.released.filter(({ stream }) => stream === 1).length;
  for (let turn = 0; turn < 200 && waited() < 3; turn++) {
    fill();
    step(rig);
    const next = rig.pending.shift();
    next?.complete();
    await new Promise(setImmediate);
  }
  expect(waited()).toBe(3);
  expect(rig.released.filter(({ stream }) => stream === 0).length).toBeLessThan(200);
});
