// Evidence that the inbox is a bounded queue of bytes: first in, first out, nothing overwritten, many small frames.

import { expect, test } from 'vitest';
import { FRAME_HELD_BYTES_MIN } from '../../../host/limits.ts';
import type { IngestConnection } from '../../../host/listener/connection.ts';
import { FRAME_JSON, FRAME_SAYS_IDLE, Inbox } from '../../../host/listener/inbox.ts';
import { seededRandom } from '../../support/random.ts';

const connectionAt = (sequence: number) => ({ sequence }) as IngestConnection;

test('frames come out in order, each where it was placed, and none overlaps another (seeds 1 to 20)', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const inbox = new Inbox(1024, 4096);
    const waiting: { address: number; bytes: number; sequence: number }[] = [];
    let sequence = 0;
    for (let step = 0; step < 3000; step++) {
      const bytes = random.chance(0.2) ? 0 : random.below(random.chance(0.1) ? 2000 : 90);
      const address = random.chance(0.55) ? inbox.tryPlace(bytes) : -1;
      if (address >= 0) {
        inbox.push(connectionAt(++sequence), bytes === 0 ? FRAME_SAYS_IDLE : FRAME_JSON, bytes, step, 0);
        expect(address, `seed ${seed}`).toBeGreaterThanOrEqual(1024);
        expect(address + bytes, `seed ${seed}`).toBeLessThanOrEqual(1024 + 4096);
        const overlaps = waiting.filter(
          (frame) => address < frame.address + frame.bytes && frame.address < address + bytes,
        );
        expect(overlaps, `seed ${seed}, step ${step}`).toEqual([]);
        waiting.push({ address, bytes, sequence });
      } else if (waiting.length > 0) {
        expect(inbox.peek(), `seed ${seed}, step ${step}`).toMatchObject(waiting.shift()!);
        inbox.shift();
      }
      expect(inbox.length).toBe(waiting.length);
    }
  }
});

test('a million frames of no bytes do not fit: each holds some of the capacity', () => {
  const inbox = new Inbox(0, 8 * 1024 * 1024);
  const connection = connectionAt(7);
  let count = 0;
  while (count < 1_000_000 && inbox.tryPlace(0) >= 0) {
    inbox.push(connection, FRAME_SAYS_IDLE, 0, count++, 0);
  }
  expect(count).toBe((8 * 1024 * 1024) / FRAME_HELD_BYTES_MIN);
  for (let value = 0; value < count; value++) {
    if (inbox.peek()!.value !== value) throw new Error(`frame ${value} is out of order`);
    inbox.shift();
  }
  expect(inbox.heldBytes).toBe(0);
});
