// host/partition/log-order.ts — which sender's ring a stage takes from when its rows must come in the order of the log.
//
//   group 7:  sender 0 … GROUP(7)   sender 1 … GROUP(7)   ▶ complete   group 8: sender 0 …
//
// A sender says GROUP(g) when everything of every group up to g is in its rings, and before anything of g + 1: of groups in
// which it has nothing it need name only the last. So rows, and words about time among them, come in the same order
// however threads were scheduled.

export class LogOrder {
  /** By sender: the last group that it has finished. */
  private readonly finished: number[];
  private readonly gone: boolean[];
  /** The group being taken. */
  private group: number;
  private sender = 0;

  /** @param base  every group up to this one lies behind us: it is in the state, or there is none */
  constructor(senders: number, base: number) {
    this.finished = new Array<number>(senders).fill(base);
    this.gone = new Array<boolean>(senders).fill(false);
    this.group = base + 1;
  }

  /** The sender whose next frame is due; −1 when every sender has finished the group: call `complete`. */
  due(): number {
    const { finished, gone, group } = this;
    while (this.sender < finished.length && (finished[this.sender]! >= group || gone[this.sender])) this.sender++;
    return this.sender < finished.length ? this.sender : -1;
  }

  finish(sender: number, group: number): void {
    if (group < this.finished[sender]!) {
      throw new Error(`sender ${sender} finishes group ${group} behind group ${this.finished[sender]}`);
    }
    this.finished[sender] = group;
  }

  /** The sender stops: it holds up no group any more. */
  leave(sender: number): void {
    this.gone[sender] = true;
  }

  /** Goes on with the next group that some sender has not finished; returns the last complete one. */
  complete(): number {
    const { finished, gone } = this;
    const going = finished.filter((_, sender) => !gone[sender]);
    const last = going.length > 0 ? Math.min(...going) : Math.max(this.group, ...finished);
    this.group = last + 1;
    this.sender = 0;
    return last;
  }
}
