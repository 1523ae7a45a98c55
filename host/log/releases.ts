// host/log/releases.ts — what the listeners hear of the log: what is released, who moved, whether producers may send.
//
//   say ──▶ one queue per listener ──▶ its ring (log/layout.ts: SAYS_…)
//
// Promises
//   - a listener hears MOVED of a group before the RELEASED that covers it.
//   - groups and positions never go back; positions may grow with no new group: behind it was nothing but refused entries.
//   - every group is said by itself: a listener must know where each ends, for rows are ordered group by group.
// The queues hold what a full ring did not take; the log forms no further group while one is longer than
// LogLimits.saysWaitingMax.

import { FRAME_DATA } from '../../ring/layout.ts';
import type { Channel } from '../thread/channel.ts';
import type { Move } from './forming-group.ts';
import type { InboxPlace } from './inbox-place.ts';
import { ADMIT, SAYS_ADMISSION, SAYS_MOVED, SAYS_RELEASED } from './layout.ts';

interface Listener {
  channel: Pick<Channel, 'tryPushBytes'>;
  /** Of its inboxes by stream: their index among all. */
  inboxes: number[];
  queue: Uint8Array[];
}

export class Releases {
  private readonly listeners: Listener[];
  private admission = ADMIT;

  /** @param inboxes  in the order of the positions that are released */
  constructor(channels: readonly Pick<Channel, 'tryPushBytes'>[], inboxes: readonly InboxPlace[]) {
    this.listeners = channels.map((channel, listener) => ({
      channel,
      inboxes: inboxes.flatMap((place, index) => (place.listener === listener ? [index] : [])),
      queue: [],
    }));
  }

  /** The longest queue. */
  get waiting(): number {
    return Math.max(0, ...this.listeners.map(({ queue }) => queue.length));
  }

  release(group: number, positions: Int32Array, moves: readonly Move[], barrier = 0): void {
    for (const { inboxes, queue } of this.listeners) {
      for (const move of moves) queue.push(moved(group, move));
      const positionsOfListener = inboxes.map((index) => positions[index]!);
      queue.push(released(group, barrier, positionsOfListener));
    }
  }

  /** Says it when it is new. */
  admit(admission: number): void {
    if (admission === this.admission) return;
    this.admission = admission;
    for (const { queue } of this.listeners) queue.push(admissionOf(admission));
  }

  /** Into the rings as far as they have room; whether anything went. */
  send(): boolean {
    let sent = 0;
    for (const { channel, queue } of this.listeners) {
      let count = 0;
      while (count < queue.length && channel.tryPushBytes(FRAME_DATA, [queue[count]!])) count++;
      queue.splice(0, count);
      sent += count;
    }
    return sent > 0;
  }
}

function released(group: number, barrier: number, positions: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(16 + 4 * positions.length));
  view.setUint32(0, SAYS_RELEASED, true);
  view.setUint32(4, barrier, true);
  view.setFloat64(8, group, true);
  for (const [index, position] of positions.entries()) view.setInt32(16 + 4 * index, position, true);
  return new Uint8Array(view.buffer);
}

function moved(group: number, { stream, producer, from, to }: Move): Uint8Array {
  const view = new DataView(new ArrayBuffer(24));
  view.setUint32(0, SAYS_MOVED, true);
  view.setUint32(4, stream, true);
  view.setFloat64(8, group, true);
  view.setUint32(16, producer, true);
  view.setUint16(20, to, true);
  view.setUint16(22, from, true);
  return new Uint8Array(view.buffer);
}

function admissionOf(admission: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, SAYS_ADMISSION, true);
  view.setUint32(4, admission, true);
  return new Uint8Array(view.buffer);
}
