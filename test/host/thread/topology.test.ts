// Where a listener's inboxes lie: each holds the largest frame, however many streams share the memory.
import { expect, test } from 'vitest';
import { engineLimits } from '../../../host/limits.ts';
import { InboxWriter, NO_PLACE } from '../../../host/log/inbox-writer.ts';
import { INBOX_TAIL, INBOX_WRITTEN } from '../../../host/log/layout.ts';
import type { Plan } from '../../../host/plan/plan.ts';
import { listenerRings } from '../../../host/thread/topology.ts';
import { inboxPlace } from '../../support/log-entries.ts';

test.each([1, 3, 8, 50])(
  'a frame of the largest size fits an empty inbox wherever its tail stands (%i streams)',
  (count) => {
    const limits = engineLimits(2 ** 28, 1, { inboxBytes: 2 ** 16, frameBytesMax: 2 ** 12 });
    const { inboxes } = listenerRings({ streams: new Array(count).fill(null) } as unknown as Plan, limits);
    const place = inboxPlace(inboxes[0]!.capacityBytes);
    const words = new Int32Array(place.buffer, place.baseBytes);
    for (let tail = 0; tail < place.capacityBytes; tail += 8) {
      for (const cursor of [INBOX_TAIL, INBOX_WRITTEN]) words[cursor / 4] = tail;
      expect(new InboxWriter(place).tryPlace(limits.frameBytesMax)).not.toBe(NO_PLACE);
    }
  },
);
