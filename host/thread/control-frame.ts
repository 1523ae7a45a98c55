// host/thread/control-frame.ts — what travels in band besides data: watermark, idle, end, and the groups of the log.
//
//   ├ f64 watermark ┼ u32 seen ┼ i32 moved ┼ u32 flags ┼ 4 ┤        CONTROL_FRAME_BYTES
//
//   FRAME_WATERMARK  the sender has active producers; nothing before `watermark` will follow from it
//   FRAME_IDLE       its producers are idle (or some idle, the rest finished): it does not hold time
//   FRAME_END        its producers have all finished; with LAST: this sender sends nothing more, ever
//
//   FRAME_BARRIER    the state as it is now belongs to the checkpoint whose number is in `watermark`
//   FRAME_GROUP      with the log on: this sender has handed on its part of every group up to the number in `watermark`
//
//   seen             producers that have said hello at this sender; time starts when enough have, all senders together
//   moved            sum of the marks of producers that came here from other listeners, less those that went to others:
//                    0 over all senders when every move has been heard from both ends

import { CONTROL_FRAME_BYTES } from '../limits.ts';

/** With FRAME_END: the sending thread is about to stop. */
export const FLAG_LAST = 1;
/** With LAST: windows that are still open are to be emitted. */
export const FLAG_DRAIN = 2;

export interface ControlFrame {
  watermark: number;
  seen: number;
  moved: number;
  flags: number;
}

/** The sender has finished this group of the log; or the barrier of this checkpoint. */
export const groupFrame = (group: number): ControlFrame => ({ watermark: group, seen: 0, moved: 0, flags: 0 });

/** A ring's buffer as a DataView, little-endian, and where the payload starts. */
export function writeControl(view: DataView, offset: number, frame: ControlFrame): void {
  view.setFloat64(offset, frame.watermark, true);
  view.setUint32(offset + 8, frame.seen, true);
  view.setInt32(offset + 12, frame.moved, true);
  view.setUint32(offset + 16, frame.flags, true);
}

export function readControl(view: DataView, offset: number, payloadBytes: number): ControlFrame {
  if (payloadBytes !== CONTROL_FRAME_BYTES) {
    throw new Error(`control frame of ${payloadBytes} bytes at ${offset}, expected ${CONTROL_FRAME_BYTES}`);
  }
  return {
    watermark: view.getFloat64(offset, true),
    seen: view.getUint32(offset + 8, true),
    moved: view.getInt32(offset + 12, true),
    flags: view.getUint32(offset + 16, true),
  };
}
