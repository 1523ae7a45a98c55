// host/listener/logged-stream.ts — one stream at one listener when there is a log: group by group, in the order of the log.
//
//   replay of the log (after a restart) ──then──▶ what the log releases of the inbox
//        each group:  frames ──▶ batches ──▶ rings;  at its end: what time it is, GROUP
//
// Batches begin anew with every group and, in a replay, with every listener's part of it: so they, and the words about
// time between them, are the same whenever and by whomever the log is decoded.
//
// Promises
//   - a frame is decoded only when the log has released it, and in the order of the log.
//   - every group is named once all that this listener has of it is in the rings, also one that brought nothing.
//   - a producer that moves leaves before, and joins in, the group that the log says (arrivals.ts).

import type { StepResult } from '../thread/body.ts';
import { FRAME_SAYS_HELLO, type FrameSource } from './inbox.ts';
import type { Move } from './log-link.ts';
import type { LogSource } from './log-source.ts';
import type { LoggedInbox } from './logged-inbox.ts';
import { type KeptProducer, numberedProducer, type ProducerHandover } from './producers.ts';
import type { StreamIngress } from './stream-ingress.ts';
import { takeFrames } from './take-frames.ts';

/** Frames that come in groups. */
export interface GroupSource extends FrameSource {
  /** The group at hand; 0 when none is. */
  readonly group: number;
  /** The checkpoint whose barrier stands at the end of the group at hand; 0: none. */
  readonly barrier: number;
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
}

export class LoggedStream {
  readonly inbox: LoggedInbox;
  private readonly options: LoggedStreamOptions;
  private readonly ingress: StreamIngress;
  private readonly leaving: Move[] = [];
  private replay: LogSource | null = null;

  constructor(options: LoggedStreamOptions) {
    this.options = options;
    this.inbox = options.inbox;
    this.ingress = options.ingress;
  }

  /** What the log already holds comes first. */
  replayFrom(source: LogSource): void {
    this.replay = source;
  }

  /** Everything that came in has been decoded and named. */
  get isDone(): boolean {
    return this.replay === null && this.inbox.isDone;
  }

  leaves(move: Move): void {
    this.leaving.push(move);
  }

  /** The caller has seen to a flush that is under way. */
  step(): StepResult {
    const { ingress } = this;
    if (this.replay?.isDone) this.goLive(this.replay);
    const source: GroupSource = this.replay ?? this.inbox;
    this.handOverLeaving(source.group);
    const frame = source.peek();
    if (frame !== undefined) {
      if (frame.kind === FRAME_SAYS_HELLO && ingress.arrivals.isAwaited(frame.producer, frame.group)) return 'blocked';
      takeFrames(ingress, source);
      return 'progressed';
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
    if (source.barrier > 0) this.passBarrier(source.barrier);
    source.nextGroup(this.leaving[0]?.group ?? Number.POSITIVE_INFINITY);
    return 'progressed';
  }

  private passBarrier(checkpoint: number): void {
    const { ingress, options } = this;
    ingress.sayBarrier(checkpoint);
    options.passed(checkpoint, ingress.plan.index, ingress.producers.times());
  }

  /** Groups that the replay has named brought nothing through the inbox. */
  private goLive(replay: LogSource): void {
    this.inbox.forgetThrough(replay.last);
    this.replay = null;
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
