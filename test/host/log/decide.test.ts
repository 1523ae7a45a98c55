// The decision alone, on facts: what segments must say of each other.
import { expect, test } from 'vitest';
import { type Decision, decideRecovery } from '../../../host/log/decide.ts';
import { scanSegment } from '../../../host/log/scan.ts';
import { encodeFooter, footerAt } from '../../../host/log/segment.ts';
import { type BuiltSegment, booted, LogWriter, rows, STORE, table } from '../../support/log-writer.ts';

function decide(segments: readonly BuiltSegment[], durableElsewhere = 0): Decision {
  const facts = segments.map(({ path, firstGroup, bytes }) => scanSegment(path, firstGroup, bytes));
  return decideRecovery({ store: STORE, segments: facts, durableElsewhere });
}

function twoSegments(text: string, { boots = [1, 1] } = {}): [BuiltSegment, BuiltSegment] {
  const writer = new LogWriter();
  writer.boot = boots[0]!;
  const one = writer.segment([booted(), table(), rows(text)]);
  writer.boot = boots[1]!;
  return [one, writer.segment([table(), rows('z')])];
}

test('a closed log needs nothing, an empty one is empty', () => {
  expect(decide(twoSegments('a'))).toEqual({ do: 'nothing' });
  expect(decide([])).toEqual({ do: 'start-empty' });
});

test('a segment of another history does not follow, though its numbers do', () => {
  const decision = decide([twoSegments('a')[0], twoSegments('b')[1]]);
  expect(decision).toMatchObject({ do: 'stop', because: 'corrupt', what: expect.stringContaining('chain') });
});

test('boots do not go back', () => {
  expect(decide(twoSegments('a', { boots: [1, 2] }))).toEqual({ do: 'nothing' });
  const decision = decide(twoSegments('a', { boots: [2, 1] }));
  expect(decision).toMatchObject({ do: 'stop', because: 'corrupt', what: expect.stringContaining('boot') });
});

test('a footer seals only what it describes', () => {
  for (const field of ['groups', 'lastGroup', 'chain', 'segmentCrc', 'salt', 'bytesUsed'] as const) {
    const [one, two] = twoSegments('a');
    const at = one.bytes.byteLength - 64;
    const footer = footerAt(one.bytes, at)!;
    one.bytes.set(encodeFooter({ ...footer, [field]: footer[field] + 1 }), at);
    expect(decide([one, two]), field).toMatchObject({ do: 'stop', because: 'corrupt', path: one.path });
  }
});

test('two segments that overlap are corruption, groups that neither has are missing', () => {
  const [one, two] = twoSegments('a');
  const early = { ...two, firstGroup: 3, path: two.path.replace('4.seg', '3.seg') };
  expect(decide([one, early])).toMatchObject({ do: 'stop', because: 'corrupt' });
  const writer = new LogWriter();
  writer.nextGroup = 9;
  expect(decide([one, writer.segment([table()])])).toMatchObject({ do: 'stop', because: 'missing-segment' });
});

test('deciding twice from the same facts gives the same decision', () => {
  for (const segments of [twoSegments('a'), [twoSegments('a')[0], twoSegments('b')[1]]]) {
    expect(decide(segments)).toEqual(decide(segments));
  }
});

test('what a checkpoint or a clean stop calls durable must be there', () => {
  expect(decide(twoSegments('a'), 5)).toEqual({ do: 'nothing' });
  expect(decide(twoSegments('a'), 6)).toMatchObject({
    do: 'stop',
    because: 'missing-segment',
    what: expect.stringContaining('6 to 6'),
  });
});
