// A disk that is full, slow or broken: what is said, what is released, and how the log goes on.
import { expect, test } from 'vitest';
import { logLimits } from '../../../host/limits.ts';
import type { LogStopped } from '../../../host/log/disk-trouble.ts';
import { ADMIT, ADMIT_DISK_FULL, ADMIT_SLOW_DISK } from '../../../host/log/layout.ts';
import { openLog } from '../../../host/log/open-log.ts';
import { dropAll, keepAll } from '../../support/crash-choice.ts';
import { pushEntry } from '../../support/log-entries.ts';
import { completeOne, emptyData, type Rig, SMALL, STORE, settle, startRig, step } from '../../support/log-rig.ts';
import { SimDisk } from '../../support/sim-disk.ts';

const push = (rig: Rig, payload: string) => {
  const { writer, place } = rig.inboxes[0]!;
  return pushEntry(writer, place, { payload, ingestMs: rig.nowMs });
};

const payloads = (rig: Rig) => rig.released.map(({ payload }) => payload);

async function lastGroupOf(disk: SimDisk): Promise<number> {
  disk.capacityBytes = 2 ** 40;
  const opened = await openLog({ disk, data: 'data', store: STORE, limits: logLimits(SMALL) });
  return opened.head.number;
}

/** A log at rest, with two entries in it. */
async function serving(disk = new SimDisk(), ackMode: 'durable' | 'written' | 'received' = 'durable'): Promise<Rig> {
  const rig = await startRig(emptyData(disk), ackMode);
  await settle(rig);
  push(rig, 'one');
  push(rig, 'two');
  await settle(rig);
  expect(payloads(rig)).toEqual(['one', 'two']);
  return rig;
}

test.each(['EIO', 'ENOSPC', 'EROFS', 'OTHER'] as const)(
  'a sync that fails with %s is the last: nothing more is released, written or synced',
  async (code) => {
    const rig = await serving();
    rig.disk.fault = ({ name }) => (name === 'sync' ? { code } : undefined);
    push(rig, 'three');
    await settle(rig);
    const failure = rig.failure as LogStopped;
    expect([failure.name, failure.code, failure.exitCode]).toEqual(['LogStopped', 'LOG_POISONED', 70]);
    expect(failure.message).toContain(`groups up to ${rig.body.durableGroup} are safe`);
    const asked = rig.disk.operations.length;
    rig.disk.fault = () => undefined;
    push(rig, 'four');
    await settle(rig);
    expect(rig.disk.operations.length).toBe(asked);
    expect(payloads(rig)).toEqual(['one', 'two']);
  },
);

test.each([
  ['EIO', 70],
  ['EROFS', 77],
  ['EACCES', 77],
] as const)(
  'a write that fails with %s ends the run with %i, and nothing of it is released',
  async (code, exitCode) => {
    const rig = await serving();
    rig.disk.fault = ({ name }) => (name === 'write' ? { code } : undefined);
    push(rig, 'three');
    await settle(rig);
    expect((rig.failure as LogStopped).exitCode).toBe(exitCode);
    expect(payloads(rig)).toEqual(['one', 'two']);
  },
);

test.each(['ENOSPC', 'EDQUOT'] as const)(
  '%s loses nothing: the torn write is cut off, producers are held, and it goes on by itself',
  async (code) => {
    const rig = await serving();
    const ballast = () => rig.disk.paths().includes('data/log/BALLAST');
    expect(ballast()).toBe(true);
    const good = rig.body.durableGroup;
    rig.disk.fault = ({ name }) => (name === 'write' ? { code, bytesWritten: 50 } : undefined);
    rig.disk.capacityBytes = 0;
    push(rig, 'three');
    push(rig, 'four');
    await settle(rig);
    expect(rig.failure).toBe(null);
    expect(rig.admissions).toEqual([[ADMIT_DISK_FULL], [ADMIT_DISK_FULL]]);
    expect(payloads(rig)).toEqual(['one', 'two']);
    expect(rig.disk.operations.findLast(({ name }) => name === 'truncate')?.result).toBe('done');
    expect(ballast()).toBe(false);
    expect(await lastGroupOf(rig.disk.crash(keepAll))).toBe(good);
    // Still full: nothing changes, and the disk is asked once per interval.
    rig.disk.fault = () => undefined;
    rig.nowMs += 600;
    await settle(rig);
    expect(rig.admissions[0]).toEqual([ADMIT_DISK_FULL]);
    rig.disk.capacityBytes = 2 ** 40;
    await settle(rig);
    expect(rig.admissions[0]).toEqual([ADMIT_DISK_FULL]);
    rig.nowMs += 600;
    await settle(rig);
    expect(rig.admissions).toEqual([
      [ADMIT_DISK_FULL, ADMIT],
      [ADMIT_DISK_FULL, ADMIT],
    ]);
    expect(payloads(rig)).toEqual(['one', 'two', 'three', 'four']);
    expect(ballast()).toBe(true);
    expect(
      (await openLog({ disk: rig.disk.crash(dropAll), data: 'data', store: STORE, limits: logLimits(SMALL) })).head
        .number,
    ).toBe(rig.body.durableGroup);
  },
);

test('a truncation that fails after a full disk ends the run', async () => {
  const rig = await serving();
  rig.disk.fault = ({ name }) =>
    name === 'write' ? { code: 'ENOSPC' } : name === 'truncate' ? { code: 'EIO' } : undefined;
  push(rig, 'three');
  await settle(rig);
  expect((rig.failure as LogStopped).code).toBe('LOG_POISONED');
});

test('without room for a next segment producers are held at its end; a segment that is given back is room', async () => {
  const disk = new SimDisk({ capacityBytes: 4 * 4096 });
  const rig = await startRig(emptyData(disk));
  let sent = 0;
  for (let turn = 0; turn < 400 && rig.admissions[0]!.at(-1) !== ADMIT_DISK_FULL; turn++) {
    if (push(rig, 'x'.repeat(100))) sent++;
    rig.nowMs += 600;
    await settle(rig);
  }
  expect(rig.failure).toBe(null);
  expect(rig.admissions[0]).toEqual([ADMIT_DISK_FULL]);
  const before = rig.body.durableGroup;
  rig.body.retain(before);
  await settle(rig);
  expect(rig.admissions[0]).toEqual([ADMIT_DISK_FULL, ADMIT]);
  expect(rig.body.durableGroup).toBeGreaterThan(before);
  expect(rig.released.length).toBe(sent);
});

test('a sync over a second holds producers until one is quick, and acknowledgements just wait', async () => {
  const rig = await serving();
  push(rig, 'three');
  for (let turn = 0; turn < 50 && !rig.pending.some(({ operation }) => operation.name === 'sync'); turn++) {
    if (step(rig) !== 'progressed') await completeOne(rig);
  }
  rig.nowMs += 1001;
  while (step(rig) === 'progressed');
  expect(rig.admissions).toEqual([[ADMIT_SLOW_DISK], [ADMIT_SLOW_DISK]]);
  expect(payloads(rig)).toEqual(['one', 'two']);
  await settle(rig);
  expect(payloads(rig)).toEqual(['one', 'two', 'three']);
  // The mark behind it tried the disk again.
  expect(rig.admissions[0]).toEqual([ADMIT_SLOW_DISK, ADMIT]);
});

test('after a second of silence one mark says what is durable, and no second one follows', async () => {
  const rig = await serving();
  const before = rig.body.lastGroup;
  rig.nowMs += 999;
  await settle(rig);
  expect(rig.body.lastGroup).toBe(before);
  rig.nowMs += 1;
  await settle(rig);
  expect([rig.body.lastGroup, rig.body.durableGroup]).toEqual([before + 1, before + 1]);
  rig.nowMs += 5000;
  await settle(rig);
  expect(rig.body.lastGroup).toBe(before + 1);
});

test.each([
  ['received', ''],
  ['written', 'write'],
  ['durable', 'sync'],
] as const)('mode %s releases behind %s', async (ackMode, behind) => {
  const rig = await serving(new SimDisk(), ackMode);
  push(rig, 'three');
  const done = () => payloads(rig).includes('three');
  const seen: string[] = [];
  for (let turn = 0; turn < 50 && !done(); turn++) {
    while (!done() && step(rig) === 'progressed');
    if (done()) break;
    const { name } = rig.pending[0]!.operation;
    await completeOne(rig);
    seen.push(name);
  }
  expect(seen.at(-1) ?? '').toBe(behind);
});
