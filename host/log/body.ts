// host/log/body.ts — the log's work, a step at a time: groups out of the inboxes, onto the disk, and back as releases.
//
//   inboxes ─form─▶ unwritten ─write─▶ unsynced ─sync─▶ durable          one write and one sync under way at most
//                      │'received'       │'written'       │'durable'     the ack mode says where a group is released
//
//   beginning ──spare, TABLE──▶ appending ──no room in the segment, or stop──▶ sealing ──▶ beginning | over
//
// Promises
//   - in mode 'durable' nothing is released before a sync returned that was asked for after its group was written.
//   - a sync covers everything that was written before it; never two at once; writes go on meanwhile, `unsyncedBytesMax` ahead.
//   - INBOX_WRITTEN follows the write: until then the write may read the inbox's bytes.
//   - after a failed sync, or an error other than want of room, nothing is released, written or synced any more: the step throws.
//   - want of room loses nothing: what a write left is cut off, the same groups are written again when there is room.
// Source    group commit with one outstanding sync, as in DeWitt et al. 1984 and every write-ahead log since.
// Not here  the bytes (group.ts, segment.ts), recovery (recover.ts), who may send what (producer-table.ts).

import type { Counters } from '../counters.ts';
import type { Disk } from '../disk/disk.ts';
import type { LogLimits } from '../limits.ts';
import type { Body, StepResult } from '../thread/body.ts';
import type { Channel } from '../thread/channel.ts';
import { DiskRoom } from './disk-room.ts';
import { isNoRoom, stopped } from './disk-trouble.ts';
import type { FormingGroup } from './forming-group.ts';
import { GroupFormer } from './group-former.ts';
import { GroupPipeline, type PlacedGroup } from './group-pipeline.ts';
import type { InboxPlace } from './inbox-place.ts';
import { Intake, type LogTime } from './intake.ts';
import {
  ADMIT,
  ADMIT_DISK_FULL,
  ADMIT_SLOW_DISK,
  GROUP_BOOTED,
  GROUP_DATA,
  GROUP_HEADER_BYTES,
  GROUP_MARK,
} from './layout.ts';
import { type LogHead, nextGroup, type TableGroup, tableGroup } from './log-head.ts';
import { logDirectory } from './place.ts';
import type { ProducerTable } from './producer-table.ts';
import { Releases } from './releases.ts';
import { SegmentStock } from './segment-stock.ts';
import { SegmentWriter } from './segment-writer.ts';
import type { Spares } from './spares.ts';
import { UnderWay } from './under-way.ts';

export type AckMode = 'durable' | 'written' | 'received';

export interface LogBodyOptions {
  disk: Disk;
  /** The data directory. */
  data: string;
  ackMode: AckMode;
  limits: LogLimits;
  /** Of all listeners and streams. */
  inboxes: readonly InboxPlace[];
  /** The rings to the listeners. */
  channels: readonly Pick<Channel, 'tryPushBytes'>[];
  spares: Spares;
  table: ProducerTable;
  /** As recovery found the log. */
  head: LogHead;
  /** Sealed segments, the oldest first. */
  segments: readonly { firstGroup: number; path: string }[];
  counters: Counters;
  /** Monotonic; for silence and slowness alone, never for anything in the log. */
  nowMs: () => number;
  newSalt: () => number;
  /** Some work at the disk is over: there is a step to take. */
  wake: () => void;
  /** The group at whose end a checkpoint's barrier stands is on the medium. */
  barrierDurable: (checkpoint: number, group: number) => void;
}

type Phase = 'beginning' | 'appending' | 'sealing' | 'over';

export class LogBody implements Body {
  private readonly options: LogBodyOptions;
  private readonly former: GroupFormer;
  private readonly releases: Releases;
  private readonly room: DiskRoom;
  private readonly stock: SegmentStock;
  private readonly time: LogTime;
  private readonly head: LogHead;
  private phase: Phase = 'beginning';
  private segment: SegmentWriter | null = null;
  private isStopping = false;
  private failure: unknown = null;

  private readonly pipeline = new GroupPipeline();
  /** How many groups the sync under way covers. */
  private syncCovers = 0;
  private syncStartedMs = 0;
  private isSlow = false;
  private barrierWanted = 0;
  private lastKind = 0;
  private lastGroupMs = 0;
  /** The last write found no room: what it left is cut off before it is tried again. */
  private mustTruncate = false;

  private readonly beginning: UnderWay<SegmentWriter>;
  private readonly writing: UnderWay;
  private readonly syncing: UnderWay;
  private readonly truncating: UnderWay;
  private readonly sealing: UnderWay;
  private begun: TableGroup | null = null;

  constructor(options: LogBodyOptions) {
    const { disk, data, limits, inboxes, channels, table, spares, segments, wake, head } = options;
    this.options = options;
    this.head = { ...head };
    this.time = { ms: head.ingestMs };
    this.former = new GroupFormer(inboxes.map((place) => new Intake(place, table, this.time)));
    this.releases = new Releases(
      channels,
      this.former.intakes.map(({ place }) => place),
    );
    this.room = new DiskRoom(disk, logDirectory(data), limits, wake);
    this.stock = new SegmentStock(spares, segments, limits.roomEveryMs, wake);
    this.beginning = new UnderWay(wake);
    this.writing = new UnderWay(wake);
    this.syncing = new UnderWay(wake);
    this.truncating = new UnderWay(wake);
    this.sealing = new UnderWay(wake);
  }

  /** The last group with a number. */
  get lastGroup(): number {
    return this.head.number;
  }

  get durableGroup(): number {
    return this.head.durable;
  }

  /** The number of this run's BOOTED; 0 before. */
  get bootedAt(): number {
    return this.head.bootedAt;
  }

  /** This run's BOOTED is durable. */
  get isServing(): boolean {
    return this.head.bootedAt > 0 && this.head.durable >= this.head.bootedAt;
  }

  /** The newest segment has its footer. */
  get isSealed(): boolean {
    return this.segment === null;
  }

  /** Segments all of whose groups are before this one are given back; never the last one. */
  retain(group: number): void {
    this.stock.retain(group);
  }

  /** The next group ends with the barrier of this checkpoint; when nothing comes, a group is made for it. */
  barrier(checkpoint: number): void {
    this.barrierWanted = checkpoint;
  }

  /** Takes what is in the inboxes, makes it durable, seals the segment. Listeners publish nothing after this. */
  stop(): void {
    this.isStopping = true;
  }

  step(): StepResult {
    if (this.failure !== null) throw this.failure;
    let hasNews = false;
    try {
      hasNews = this.settle();
      hasNews = this.advance() || hasNews;
    } catch (error) {
      // What waits to be said is safe, but nobody must hear more from a log that failed.
      this.failure = this.isDiskError(error) ? stopped(error, this.head.durable) : error;
      throw this.failure;
    }
    hasNews = this.releases.send() || hasNews;
    if (hasNews) return 'progressed';
    if (this.releases.waiting > 0) return 'blocked';
    return this.phase === 'over' && !this.isBusyBehind() ? 'done' : 'idle';
  }

  // ── outcomes ──

  private settle(): boolean {
    const settled = [
      this.settleSync(),
      this.settleWrite(),
      this.settleTruncate(),
      this.settleBegin(),
      this.settleSeal(),
      this.settleStock(),
      this.room.step(this.options.nowMs()),
    ];
    return settled.includes(true);
  }

  private settleSync(): boolean {
    const { nowMs, limits, counters } = this.options;
    const outcome = this.syncing.take();
    if (outcome === undefined) {
      if (this.syncing.isBusy && nowMs() - this.syncStartedMs > limits.syncSlowMs) this.isSlow = true;
      return false;
    }
    if (outcome.is === 'failed') throw outcome.error;
    const tookMs = nowMs() - this.syncStartedMs;
    this.isSlow = tookMs > limits.syncSlowMs;
    counters.add('logSyncs', 1);
    counters.latency(tookMs / 1000, 1);
    this.becomeDurable(this.syncCovers);
    return true;
  }

  private settleWrite(): boolean {
    const outcome = this.writing.take();
    if (outcome === undefined) return false;
    if (outcome.is === 'failed') {
      if (!isNoRoom(outcome.error)) throw outcome.error;
      this.room.ranOut();
      this.mustTruncate = true;
      return true;
    }
    const group = this.pipeline.written();
    this.tellWritten(group.positions);
    if (this.options.ackMode === 'written') this.release(group);
    return true;
  }

  private settleTruncate(): boolean {
    const outcome = this.truncating.take();
    if (outcome === undefined) return false;
    if (outcome.is === 'failed') throw outcome.error;
    this.mustTruncate = false;
    return true;
  }

  private settleBegin(): boolean {
    const outcome = this.beginning.take();
    if (outcome === undefined) return false;
    if (outcome.is === 'failed') {
      if (!isNoRoom(outcome.error)) throw outcome.error;
      this.room.ranOut();
      return true;
    }
    const { begun } = this;
    this.segment = outcome.value;
    this.head.number = begun!.number;
    this.head.durable = begun!.number;
    this.head.chain = begun!.headerChecksum;
    this.stock.add({ firstGroup: begun!.number, path: outcome.value.path });
    this.phase = 'appending';
    this.former.wantsSegment = false;
    this.releases.release(this.head.number, this.former.positions(), []);
    if (this.head.bootedAt === 0) {
      this.append(GROUP_BOOTED, null);
      this.head.bootedAt = this.head.number;
    }
    return true;
  }

  private settleSeal(): boolean {
    const outcome = this.sealing.take();
    if (outcome === undefined) return false;
    if (outcome.is === 'failed') {
      if (!isNoRoom(outcome.error)) throw outcome.error;
      this.room.ranOut();
      return true;
    }
    this.segment = null;
    this.phase = this.isStopping && !this.former.look() ? 'over' : 'beginning';
    return true;
  }

  private settleStock(): boolean {
    const { hasNews, lacksRoom } = this.stock.settle();
    if (lacksRoom && this.phase === 'beginning') this.room.ranOut();
    return hasNews;
  }

  // ── what to do next ──

  private advance(): boolean {
    if (this.room.isFull && this.phase === 'beginning' && this.stock.hasSpare) this.room.resume();
    this.releases.admit(this.room.isFull ? ADMIT_DISK_FULL : this.isSlow ? ADMIT_SLOW_DISK : ADMIT);
    this.keepStock();
    switch (this.phase) {
      case 'beginning':
        return this.advanceBeginning();
      case 'appending':
        return this.advanceAppending();
      case 'sealing':
        return this.advanceSealing();
      case 'over':
        return false;
    }
  }

  /** Behind the writing: a spare for the segment to come, old segments given back. */
  private keepStock(): void {
    if (this.phase === 'over') return;
    this.stock.recycle();
    const wantsSpare = !this.isStopping || (this.phase === 'beginning' && !this.beginning.isBusy);
    if (wantsSpare && !this.room.isFull) this.stock.prepare(this.options.nowMs());
  }

  private advanceBeginning(): boolean {
    const { disk, data, limits, newSalt } = this.options;
    if (this.beginning.isBusy) return false;
    if (this.isStopping && !this.former.look()) {
      this.phase = 'over';
      return true;
    }
    if (this.room.isFull) return this.giveUpStopping();
    if (!this.stock.hasSpare) return false;
    const salt = newSalt();
    const begun = tableGroup(this.head, this.time, this.options.table, salt);
    this.begun = begun;
    const header = { ...this.head, firstGroup: begun.number, salt };
    const spare = this.stock.take();
    const begin = SegmentWriter.begin(disk, data, spare, header, begun, limits.segmentBytes);
    this.beginning.start(
      begin.catch(async (error) => {
        if (isNoRoom(error)) await this.stock.giveUp(spare);
        throw error;
      }),
    );
    return false;
  }

  private advanceAppending(): boolean {
    if (this.mustTruncate) return this.advanceTruncating();
    if (this.room.isFull) return this.startSync() || this.giveUpStopping();
    let hasNews = this.form();
    hasNews = this.startWrite() || hasNews;
    hasNews = this.startSync() || hasNews;
    if (this.former.wantsSegment || (this.isStopping && !this.former.look() && this.pipeline.isEmpty)) {
      this.phase = 'sealing';
      return true;
    }
    return this.mark() || hasNews;
  }

  /** A full disk does not hold up a stop: what waits was never acknowledged, the next start finds the segment unsealed. */
  private giveUpStopping(): boolean {
    if (!this.isStopping || this.isBusyWriting() || this.sealing.isBusy || this.pipeline.unsyncedCount > 0)
      return false;
    this.phase = 'over';
    return true;
  }

  private advanceTruncating(): boolean {
    if (this.truncating.isBusy || this.syncing.isBusy) return false;
    this.truncating.start(this.segment!.truncate(this.pipeline.next!.position));
    return false;
  }

  private advanceSealing(): boolean {
    if (this.mustTruncate) return this.advanceTruncating();
    if (this.room.isFull) return this.startSync() || this.giveUpStopping();
    this.startWrite();
    if (this.isBusyWriting() || this.sealing.isBusy) return false;
    // A footer says that all before it is durable, so it is not even written before that is so.
    if (this.pipeline.unsyncedCount > 0) return this.startSync();
    this.sealing.start(this.segment!.seal());
    return false;
  }

  private form(): boolean {
    const { limits } = this.options;
    const { segment } = this;
    if (this.pipeline.unwrittenCount > 1 || this.former.wantsSegment || this.releases.waiting > limits.saysWaitingMax)
      return false;
    if (this.pipeline.bytes >= limits.unsyncedBytesMax || !this.former.look()) return false;
    const room = {
      bytes: Math.min(limits.groupBytesMax, segment!.roomBytes + GROUP_HEADER_BYTES),
      entries: limits.groupEntriesMax,
      runs: limits.groupRunsMax,
    };
    const aloneBytes = segment!.isFresh ? Number.POSITIVE_INFINITY : segment!.roomBytes;
    const group = this.former.form(this.head.number + 1, room, aloneBytes);
    if (group.isEmpty) return this.releaseRefused();
    this.append(GROUP_DATA, group);
    return true;
  }

  /** After a while of silence: says on disk that everything before is durable. A slow disk is tried again by it. */
  private mark(): boolean {
    const { limits, nowMs } = this.options;
    const isSilent = nowMs() - this.lastGroupMs >= limits.markAfterMs;
    const isDue = this.barrierWanted > 0 || (isSilent && (this.lastKind !== GROUP_MARK || this.isSlow));
    if (!isDue || this.isStopping || !this.pipeline.isEmpty || this.former.look()) return false;
    if (this.segment!.roomBytes < 0) {
      this.phase = 'sealing';
      return true;
    }
    this.append(GROUP_MARK, null);
    return true;
  }

  // ── a group's way ──

  private append(kind: number, forming: FormingGroup | null): void {
    const { nowMs, counters, ackMode } = this.options;
    const group = nextGroup(this.head, this.time, kind, forming, this.segment!.salt);
    const position = this.segment!.place(group);
    this.head.number = group.number;
    this.head.chain = group.headerChecksum;
    this.lastKind = kind;
    this.lastGroupMs = nowMs();
    const placed: PlacedGroup = {
      number: group.number,
      bytes: GROUP_HEADER_BYTES + group.bodyBytes,
      views: [group.header, ...group.body],
      position,
      positions: this.former.positions(),
      moves: forming?.moves ?? [],
      barrier: this.head.bootedAt === 0 ? 0 : this.barrierWanted,
      isReleased: false,
    };
    if (placed.barrier > 0) this.barrierWanted = 0;
    this.pipeline.add(placed);
    counters.add('logGroups', 1);
    counters.add('logBytes', placed.bytes);
    counters.set('logUnsyncedBytes', this.pipeline.bytes);
    // Every kind at the same point of its way: a group of no entries must not come behind those that were formed after it.
    if (ackMode === 'received') this.release(placed);
  }

  private startWrite(): boolean {
    const group = this.pipeline.next;
    if (group === undefined || this.writing.isBusy) return false;
    this.writing.start(this.segment!.write(group.views, group.position));
    return false;
  }

  private startSync(): boolean {
    if (this.pipeline.unsyncedCount === 0 || this.syncing.isBusy) return false;
    this.syncCovers = this.pipeline.unsyncedCount;
    this.syncStartedMs = this.options.nowMs();
    this.syncing.start(this.segment!.sync());
    return false;
  }

  private becomeDurable(count: number): void {
    const groups = this.pipeline.synced(count);
    this.head.durable = groups.at(-1)!.number;
    for (const group of groups) {
      this.release(group);
      if (group.barrier > 0) this.options.barrierDurable(group.barrier, group.number);
    }
    this.options.counters.set('logUnsyncedBytes', this.pipeline.bytes);
  }

  private release(group: PlacedGroup): void {
    if (group.isReleased) return;
    group.isReleased = true;
    this.releases.release(group.number, group.positions, group.moves, group.barrier);
  }

  /**
   * Entries were judged, and none is in a group: they go with the last group, whose sync also covers what they may
   * repeat; when that is released, at once.
   */
  private releaseRefused(): boolean {
    const positions = this.former.positions();
    if (this.pipeline.unwrittenCount === 0) this.tellWritten(positions);
    const { last } = this.pipeline;
    if (last !== undefined) last.positions = positions;
    if (last === undefined || last.isReleased) this.releases.release(this.head.number, positions, []);
    return !this.former.wantsSegment;
  }

  private tellWritten(positions: Int32Array): void {
    for (const [index, intake] of this.former.intakes.entries()) intake.written(positions[index]!);
  }

  private isBusyWriting(): boolean {
    return this.writing.isBusy || this.syncing.isBusy || this.truncating.isBusy;
  }

  private isBusyBehind(): boolean {
    return this.isBusyWriting() || this.sealing.isBusy || this.room.isBusy || this.stock.isBusy;
  }

  private isDiskError(error: unknown): boolean {
    return error instanceof Error && error.name === 'DiskError';
  }
}
