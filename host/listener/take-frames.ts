// host/listener/take-frames.ts — one step's worth of frames into a stream's batch.

import type { FrameSource } from './inbox.ts';
import type { StreamIngress } from './stream-ingress.ts';

/** What a step takes before it ends: bytes, and so many for each frame, which cost about as much. */
const STEP_WORK = 16 * 1024;
const FRAME_WORK = 64;

/** Small frames by the hundred are one step's work, a large one is a step of its own. */
export function takeFrames(stream: StreamIngress, source: FrameSource): void {
  let work = 0;
  for (let frame = source.peek(); frame !== undefined && work < STEP_WORK; frame = source.peek()) {
    work += frame.bytes + FRAME_WORK;
    if (!stream.take(frame)) return stream.beginFlush();
    source.shift();
  }
}
