// host/listener/logged-stream.ts — one stream at one listener when there is a log: group by group, in the order of the log.
//
//   replay of the log (after a restart) ──then──▶ what the log releases of the inbox ◀──caught up / behind──▶ the log again
//        each group:  frames ──▶ batches ──▶ rings;  at its end: what time it is, GROUP
//
// Behind: the rings have been full for so long that released groups fill half of the inbox, or a frame finds no place in
// it. Then the inbox lets go of what is released, goes on answering and, each time that it is half full again, letting go;
// the stream decodes those groups out of the log until it comes to one that the inbox still has.
//
// Batches begin anew with every group and, in a replay, with every listener's part of it: so they, and the words about
// time between them, are the same whenever and by whomever the log is decoded. Between the inbox and the log nothing is
// cut: rows of a group that has come half from the one share their batch with those that come from the other.
//
// Promises
//   - a frame is decoded only when the log has released it, and in the order of the log.
//   - every group is named once all that this listener has of it is in the rings, also one that brought nothing.
//   - a producer that moves leaves before, and joins in, the group that the log says (arrivals.ts).

import type { KeptProducer } from '../checkpoint/meta.ts';
import type { StepResult } from '../thread/body.ts';
import { FRAME_SAYS_HELLO, type FrameSource } from './inbox.ts';
import type { Move } from './log-link.ts';
import type { LogSource } from './log-source.ts';
import type { Behind, LoggedInbox } from './logged-inbox.ts';
import { numberedProducer, type ProducerHandover } from './producers.ts';
import type { StreamIngress } from './stream-ingress.ts';
import { takeFrames } from './take-frames.ts';

/** Frames that come in groups. */
export interface GroupSource extends FrameSource {
  /** The group at hand; 0 when none is. */
  readonly group: number;
  /** What comes next is on its way here. */
  readonly isReading: boolean;
  /** Within a group, goes on to the next listener's frames; false when there is no such change at hand. */
  nextTurn(): boolean;
  /** The group that is used up and is to be named; 0: frames of it are left, or none is at hand. */
  endedGroup(): number;
  /** @param stop  groups before this one may be left unnamed when they brought nothing */
  nextGroup(stop: number): void;
}

export interface LoggedStreamOptions {
  ingress: StreamIngress;
  inbox: LoggedInbox;
  handOver: (move: Move, time: ProducerHandover) => void;
  passed: (checkpoint: number, stream: number, producers: readonly KeptProducer[]) => void;
  /** What the log already holds comes first. */
  replay: LogSource | null;
  /** What the inbox has let go, out of the log. */
  readBehind: (behind: Behind) => LogSource;
}

/** Of the inbox: beyond it, released groups of a stream that cannot go on are let go. */
const LET_GO_SHARE = 1 / 2;

export class LoggedStream {
  readonly inbox: LoggedInbox;
  private readonly options: LoggedStreamOptions;
  private readonly ingress: StreamIngress;
  private readonly leaving: Move[] = [];
  /** Checkpoints whose barriers stand at the ends of groups that are still to be named. */
  private readonly barriers: { group: number; checkpoint: number }[] = [];
  /** Null: the inbox has what is due. */
  private log: LogSource | null;

  constructor(options: LoggedStreamOptions) {
    this.options = options;
    this.inbox = options.inbox;
    this.ingress = options.ingress;
    this.log = options.replay;
  }

  /** Everything that came in has been decoded and named. */
  get isDone(): boolean {
    return this.log === null && this.inbox.isDone;
  }

  /** Groups that are decoded from the log before the inbox's are due. */
  get groupsBehind(): number {
    return this.log?.groupsLeft ?? this.inbox.groupsLetGo;
  }

  /** @param barrier  of this checkpoint, at the group's end; 0: none */
  released(group: number, position: number, barrier: number): void {
    const { inbox, ingress } = this;
    if (barrier > 0) this.barriers.push({ group, checkpoint: barrier });
    inbox.release(group, position);
    const isFull = inbox.releasedBytes > inbox.capacityBytes * LET_GO_SHARE;
    if (isFull && (this.log !== null || !ingress.hasRoom())) this.letGo();
  }

  /** Makes room in the inbox out of what is released; false when there is nothing of that. */
  letGo(): boolean {
    return this.inbox.letGo(this.log === null && this.ingress.isUnderWay);
  }

  leaves(move: Move): void {
    this.leaving.push(move);
  }

  /** The caller has seen to a flush that is under way. */
  step(): StepResult {
    const { ingress } = this;
    const source = this.source();
    // A producer whose frames wait in the log is not silent.
    if (source !== this.inbox) ingress.blockedSinceTick = true;
    this.handOverLeaving(source.group);
    const frame = source.peek();
    if (frame !== undefined) {
      if (frame.kind === FRAME_SAYS_HELLO && ingress.arrivals.isAwaited(frame.producer, frame.group)) {
        ingress.sayDurable();
        return 'blocked';
      }
      takeFrames(ingress, source);
      return 'progressed';
    }
    if (source.isReading) {
      ingress.sayDurable();
      return 'idle';
    }
    if (ingress.dirty) {
      ingress.beginFlush();
      return 'progressed';
    }
    if (source.nextTurn()) return 'progressed';
    const group = source.endedGroup();
    if (group === 0) return 'idle';
    if (!ingress.hasRoom()) return 'blocked';
    ingress.nameGroup(group);
    this.passBarriers(group);
    source.nextGroup(Math.min(groupOf(this.leaving[0]), groupOf(this.barriers[0])));
    return 'progressed';
  }

  /** Behind the name of its group, wherever that was decoded from. */
  private passBarriers(group: number): void {
    const { barriers, ingress, options } = this;
    while (barriers.length > 0 && barriers[0]!.group <= group) {
      const { checkpoint } = barriers.shift()!;
      ingress.sayBarrier(checkpoint);
      options.passed(checkpoint, ingress.plan.index, ingress.producers.times());
    }
  }

  private source(): GroupSource {
    for (;;) {
      const { behind } = this.inbox;
      if (this.log?.isDone) {
        this.inbox.namedThrough(this.log.last);
        this.log = null;
      } else if (this.log === null && behind !== null) this.log = this.options.readBehind(behind);
      else return this.log ?? this.inbox;
    }
  }

  /** Producers that move with the group at hand: every group before it is finished here. */
  private handOverLeaving(group: number): void {
    while (this.leaving.length > 0 && this.leaving[0]!.group <= group) {
      const move = this.leaving.shift()!;
      const time = this.ingress.producers.leave(numberedProducer(move.producer));
      if (time === undefined)
        throw new Error(`producer ${move.producer} moves with group ${move.group} and is not here`);
      this.options.handOver(move, time);
    }
  }
}

const groupOf = (place: { group: number } | undefined): number => place?.group ?? Number.POSITIVE_INFINITY;
