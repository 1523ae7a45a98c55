// test/mutants/mutants.ts — small mistakes that would lose, double or invent something, and which tests must notice each.
//
// A mutant is one replacement in one file; `search` stands there exactly once. The neutral ones change nothing that may be seen:
// a suite that notices them notices everything.
// Not here yet: barriers and block copies, once a test meets them alone.

export interface Mutant {
  name: string;
  file: string;
  search: string;
  replace: string;
  tests: readonly string[];
  isNeutral?: true;
}

const BODY = ['test/host/log/body.sim.test.ts', 'test/host/log/trouble.sim.test.ts'];
const STATES = ['test/crash/states.test.ts'];
const TABLE = ['test/host/log/producer-table.test.ts', 'test/host/log/producer-table.model.test.ts'];
const AT_REST = ['test/host/log/scan.test.ts', 'test/host/log/decide.test.ts', 'test/host/log/damage.test.ts'];
const RECOVERY = ['test/host/log/recover.test.ts', 'test/host/log/crash.model.test.ts'];
const INTAKE = ['test/host/log/intake.test.ts'];
const CHECKPOINTS = ['test/host/checkpoint/crash.model.test.ts', 'test/host/checkpoint/damage.test.ts'];
const ENGINE = ['test/host/engine/log.threads.test.ts'];

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'acknowledged after the write, before the sync',
    file: 'host/log/body.ts',
    search: "if (this.options.ackMode === 'written') this.release(group);",
    replace: 'this.release(group);',
    tests: STATES,
  },
  {
    name: 'a sync acknowledges what was written while it was under way',
    file: 'host/log/body.ts',
    search: 'this.becomeDurable(this.syncCovers);',
    replace: 'this.becomeDurable(this.pipeline.unsyncedCount);',
    tests: [...STATES, ...BODY],
  },
  {
    name: 'a second sync is started while one is under way',
    file: 'host/log/body.ts',
    search: 'if (this.pipeline.unsyncedCount === 0 || this.syncing.isBusy) return false;',
    replace: 'if (this.pipeline.unsyncedCount === 0) return false;',
    tests: BODY,
  },
  {
    name: 'the log goes on after a sync that failed',
    file: 'host/log/body.ts',
    search: "    if (outcome.is === 'failed') throw outcome.error;\n    const tookMs",
    replace: '    const tookMs',
    tests: BODY,
  },
  {
    name: 'the footer is written before what it seals is durable',
    file: 'host/log/body.ts',
    search: '    if (this.pipeline.unsyncedCount > 0) return this.startSync();\n    this.sealing',
    replace:
      '    if (this.pipeline.unsyncedCount > 0) this.becomeDurable(this.pipeline.unsyncedCount);\n    this.sealing',
    tests: STATES,
  },
  {
    name: 'INBOX_WRITTEN before the write',
    file: 'host/log/body.ts',
    search: "if (ackMode === 'received') this.release(placed);",
    replace: "this.tellWritten(placed.positions);\n    if (ackMode === 'received') this.release(placed);",
    tests: BODY,
  },
  {
    name: 'no mark after silence',
    file: 'host/log/body.ts',
    search: '    this.append(GROUP_MARK, null);\n    return true;',
    replace: '    return false;',
    tests: BODY,
  },
  {
    name: 'a write that found no room is not cut off',
    file: 'host/log/body.ts',
    search: '      this.mustTruncate = true;\n',
    replace: '',
    tests: BODY,
  },
  {
    name: 'a group calls the one before it durable, whether it is or not',
    file: 'host/log/log-head.ts',
    search: 'const { durable, boot, chain } = head;',
    replace: 'const { boot, chain } = head;\n  const durable = head.number;',
    tests: STATES,
  },
  {
    name: 'the directory is not synced when a segment gets its name',
    file: 'host/log/segment-writer.ts',
    search: '    await disk.syncDirectory(logDirectory(data));\n',
    replace: '',
    tests: STATES,
  },
  {
    name: 'a segment gets its name before its first group is synced',
    file: 'host/log/segment-writer.ts',
    search: '    await spare.sync();\n',
    replace: '',
    tests: STATES,
  },
  {
    name: 'a file that replaces another is renamed before it is synced',
    file: 'host/log/replace.ts',
    search: '    await file.sync();\n',
    replace: '',
    tests: [...STATES, ...RECOVERY],
  },
  {
    name: 'the directory is not synced when a file is replaced',
    file: 'host/log/replace.ts',
    search: '  await disk.rename(aside, path);\n  await disk.syncDirectory(directoryOf(path));',
    replace: '  await disk.rename(aside, path);',
    tests: [...STATES, ...RECOVERY],
  },
  {
    name: 'the next segment is built on a footer that only readers see',
    file: 'host/log/open-log.ts',
    search: '  if (recovered.lastGroup > durableElsewhere) await makeCertain(disk, recovered);\n',
    replace: '',
    tests: STATES,
  },
  {
    name: 'retention gives back one segment too many',
    file: 'host/log/segment-stock.ts',
    search: 'next.firstGroup > this.floor) return;',
    replace: 'next.firstGroup > this.floor + 8) return;',
    tests: STATES,
  },
  {
    name: 'a repeated frame is taken again',
    file: 'host/log/producer-table.ts',
    search: 'return this.duplicate(producer, sequence, checksum);',
    replace: 'return ENTRY_ACCEPTED;',
    tests: TABLE,
  },
  {
    name: 'the last sequence may come once more',
    file: 'host/log/producer-table.ts',
    search: 'if (sequence >= 1 && sequence <= producer.lastSequence)',
    replace: 'if (sequence >= 1 && sequence < producer.lastSequence)',
    tests: TABLE,
  },
  {
    name: 'a sequence may be left out',
    file: 'host/log/producer-table.ts',
    search: 'if (sequence !== expected || sequence > SEQUENCE_MAX)',
    replace: 'if (sequence > expected + 1 || sequence > SEQUENCE_MAX)',
    tests: TABLE,
  },
  {
    name: 'a connection that was replaced, at another listener, is not fenced',
    file: 'host/log/producer-table.ts',
    search: 'if (epoch < producer.epoch || producer.listener !== listener || producer.connection !== connection) {',
    replace: 'if (epoch < producer.epoch) {',
    tests: TABLE,
  },
  {
    name: 'a hello is taken in the middle of a group',
    file: 'host/log/intake.ts',
    search: "if (kind === ENTRY_OPEN && !isFirst) return this.end(group, 'open');",
    replace: '',
    tests: INTAKE,
  },
  {
    name: 'the chain from group to group is not checked',
    file: 'host/log/walk.ts',
    search: 'if (group.chain !== walk.chain)',
    replace: 'if (group.chain < 0)',
    tests: AT_REST,
  },
  {
    name: 'the salt is not checked: groups of the file as it was before are taken for groups of now',
    file: 'host/log/walk.ts',
    search: "if (group.salt !== segment.salt) return 'a group of another segment';",
    replace: '',
    tests: AT_REST,
  },
  {
    name: 'a torn body at the tail is taken',
    file: 'host/log/walk.ts',
    search: 'if (crc32(body) !== group.bodyCrc)',
    replace: 'if (crc32(body) < 0)',
    tests: [...STATES, ...AT_REST],
  },
  {
    name: 'what follows damage is cut off, also when it was durable',
    file: 'host/log/decide.ts',
    search: '      if (lastGroup < durable) {',
    replace: '      if (lastGroup < 0) {',
    tests: AT_REST,
  },
  {
    name: 'after a restart producers stay with listeners that do not have them',
    file: 'host/log/open-log.ts',
    search: '  table.gatherAt(REPLAYING_LISTENER);\n',
    replace: '',
    tests: ENGINE,
  },
  {
    name: 'the order of groups among senders is ignored at the partition',
    file: 'host/partition/log-order.ts',
    search:
      'while (this.sender < finished.length && (finished[this.sender]! >= group || gone[this.sender])) this.sender++;',
    replace:
      'while (this.sender < finished.length && (finished[this.sender]! > group || gone[this.sender])) this.sender++;',
    tests: ['test/host/partition/log-order.test.ts'],
  },
  {
    name: 'a group that brought nothing is not named before one with rows: those are taken for its own',
    file: 'host/listener/logged-inbox.ts',
    search: 'isEmpty(0) && isEmpty(1)',
    replace: 'isEmpty(0)',
    tests: ['test/host/listener/logged-inbox.test.ts'],
  },
  {
    name: 'a checkpoint is named before its directory is synced',
    file: 'host/checkpoint/publish.ts',
    search: '    await disk.syncDirectory(checkpointsDirectory(data));\n',
    replace: '',
    tests: CHECKPOINTS,
  },
  {
    name: 'what a checkpoint says of itself is not synced',
    file: 'host/checkpoint/publish.ts',
    search: '    await file.sync();\n',
    replace: '',
    tests: CHECKPOINTS,
  },
  {
    name: 'a part of a checkpoint is not synced',
    file: 'host/checkpoint/part-writer.ts',
    search: '      await this.file.sync();\n',
    replace: '',
    tests: CHECKPOINTS,
  },
  {
    name: 'neutral: a counter counts in other words',
    file: 'host/log/walk.ts',
    search: 'walk.groups++;',
    replace: 'walk.groups += 1;',
    tests: [...STATES, ...AT_REST, ...RECOVERY],
    isNeutral: true,
  },
  {
    name: 'neutral: a state is looked up a line earlier',
    file: 'host/log/producer-table.ts',
    search: '    const opened = producer ?? this.add(this.nextNumber++, stream, id);',
    replace: '    let opened = producer;\n    opened ??= this.add(this.nextNumber++, stream, id);',
    tests: [...TABLE, 'test/host/partition/log-order.test.ts', ...ENGINE],
    isNeutral: true,
  },
  {
    name: 'neutral: a share is at least what it is',
    file: 'host/log/group-former.ts',
    search: 'const share = (whole: number) => Math.ceil(whole / (waiting.length - index));',
    replace: 'const share = (whole: number) => Math.max(Math.ceil(whole / (waiting.length - index)), 0 * whole);',
    tests: [...STATES, ...BODY, ...INTAKE],
    isNeutral: true,
  },
];
