// host/log/group-former.ts — the next group out of all inboxes: each gives its share, in the order of (stream, listener).
//
// The order of the walk is the order on disk, so what is judged first stands first.
// An inbox whose next entry does not get into a group behind others (an OPEN, a large frame) begins one of the next
// groups, alone; every other group is of all inboxes, so neither keeps the other waiting.

import { FormingGroup, type GroupRoom } from './forming-group.ts';
import type { Intake } from './intake.ts';

export class GroupFormer {
  /** Sorted by (stream, listener). */
  readonly intakes: readonly Intake[];
  /** Of the last `form`: its inbox waits for a segment with more room. */
  wantsSegment = false;
  private readonly first: Intake[] = [];
  private wasAlone = false;

  constructor(intakes: readonly Intake[]) {
    this.intakes = intakes.toSorted((a, b) => a.place.stream - b.place.stream || a.place.listener - b.place.listener);
  }

  /** Whether any entry waits. */
  look(): boolean {
    return this.intakes.some((intake) => intake.look());
  }

  /** By intake: everything before is judged. */
  positions(): Int32Array {
    return Int32Array.from(this.intakes, ({ position }) => position);
  }

  /**
   * @param room        bounds of the group
   * @param aloneBytes  what an entry that is a group alone may take; infinite in a segment that is still empty
   */
  form(number: number, room: GroupRoom, aloneBytes: number): FormingGroup {
    const group = new FormingGroup(number);
    this.wantsSegment = false;
    const alone = this.wasAlone ? undefined : this.first.shift();
    this.wasAlone = alone !== undefined;
    if (alone !== undefined) {
      const before = alone.position;
      const taken = alone.take(group, group.roomOf(room), aloneBytes);
      if (taken === 'full' && group.isEmpty && alone.position === before) {
        this.wantsSegment = true;
        this.wasAlone = false;
        this.first.unshift(alone);
      } else if (taken === 'open') this.first.push(alone);
      return group;
    }
    const waiting = this.intakes.filter((intake) => intake.look());
    for (const [index, intake] of waiting.entries()) {
      const left = group.roomOf(room);
      const share = (whole: number) => Math.ceil(whole / (waiting.length - index));
      const position = intake.position;
      const taken = intake.take(
        group,
        { bytes: share(left.bytes), entries: share(left.entries), runs: share(left.runs) },
        0,
      );
      const tookNothing = taken === 'full' && intake.position === position;
      if ((taken === 'open' || tookNothing) && !this.first.includes(intake)) this.first.push(intake);
    }
    return group;
  }
}
