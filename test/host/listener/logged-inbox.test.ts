// What a listener names of the groups that the log releases: every group that brought rows, and the one before it.
import { expect, test } from 'vitest';
import { newConnection } from '../../../host/listener/connection.ts';
import { SILENT } from '../../../host/listener/entry-senders.ts';
import { LoggedInbox } from '../../../host/listener/logged-inbox.ts';
import type { StreamIngress } from '../../../host/listener/stream-ingress.ts';
import { ENTRY_JSON } from '../../../host/log/layout.ts';
import { inboxPlace } from '../../support/log-entries.ts';

function inboxWithProducer() {
  const { buffer, baseBytes, capacityBytes } = inboxPlace(4096);
  const stream = { touch: () => undefined } as unknown as StreamIngress;
  const inbox = new LoggedInbox(buffer, { baseBytes, capacityBytes }, 0, 0, () => 0);
  const producer = newConnection(stream, null, SILENT);
  inbox.open({ ...newConnection(stream, null, SILENT), tag: 0xffff_ffff });
  inbox.register(producer);
  let position = 0;
  return {
    inbox,
    /** The log releases a group that holds one frame of this inbox, or none. */
    release(group: number, bringsFrame: boolean) {
      if (bringsFrame) {
        const before = inbox.heldBytes;
        inbox.tryPlace(8);
        inbox.push(producer, ENTRY_JSON, 8, 0, 0);
        position += inbox.heldBytes - before;
      }
      inbox.release(group, position);
    },
  };
}

/** As a listener goes through them: a frame by its group, a name behind it. */
function wayThrough(inbox: LoggedInbox, stop = Number.POSITIVE_INFINITY): string[] {
  const way: string[] = [];
  for (;;) {
    const frame = inbox.peek();
    if (frame !== undefined) {
      way.push(`frame of ${frame.group}`);
      inbox.shift();
      continue;
    }
    const ended = inbox.endedGroup();
    if (ended === 0) return way;
    way.push(`name ${ended}`);
    inbox.nextGroup(stop);
  }
}

test('of groups that brought nothing only the last is named, and before the next rows it is', () => {
  const { inbox, release } = inboxWithProducer();
  release(1, true);
  for (const group of [2, 3, 4]) release(group, false);
  release(5, true);
  for (const group of [6, 7]) release(group, false);
  expect(wayThrough(inbox)).toEqual(['frame of 1', 'name 1', 'name 4', 'frame of 5', 'name 5', 'name 7']);
});

test('a group before the one that a producer leaves with is named', () => {
  const { inbox, release } = inboxWithProducer();
  release(1, true);
  for (const group of [2, 3, 4]) release(group, false);
  expect(wayThrough(inbox, 3)).toEqual(['frame of 1', 'name 1', 'name 2', 'name 3', 'name 4']);
});
