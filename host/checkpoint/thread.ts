// host/checkpoint/thread.ts — the keeper's worker: runs the body in its event loop, where the disk's answers arrive.

import { parentPort, workerData } from 'node:worker_threads';
import { openDoorbell } from '../../ring/doorbell.ts';
import { Counters } from '../counters.ts';
import { realDisk } from '../disk/real-disk.ts';
import { tellFailure } from '../thread/report.ts';
import { AsyncShell } from '../thread/shell-async.ts';
import type { RingPlace } from '../thread/topology.ts';
import { KeeperBody } from './keeper.ts';
import type { KeeperOrder, KeeperReport } from './keeper-message.ts';

export interface KeeperStart {
  /** Which doorbell and counters are the keeper's. */
  thread: number;
  doorbells: SharedArrayBuffer;
  counters: SharedArrayBuffer;
  data: string;
  store: string;
  /** By partition; `sender` is its thread. */
  rings: { buffer: SharedArrayBuffer; place: RingPlace; sender: number }[];
}

/** Keeper → control, besides `failed`. */
export type KeeperThreadMessage = KeeperReport | { type: 'ready' } | { type: 'done'; openRows: 0 };

const STEPS_PER_TURN = 256;

try {
  run(workerData as KeeperStart);
} catch (error) {
  tellFailure(error);
}

function run({ thread, doorbells, counters: counts, data, store, rings }: KeeperStart): void {
  const counters = new Counters(counts, thread);
  const say = (message: KeeperThreadMessage) => parentPort!.postMessage(message);
  let shell: AsyncShell | undefined;
  const body = new KeeperBody({
    disk: realDisk(),
    data,
    store,
    rings: rings.map(({ sender, ...ring }) => ({ ...ring, sender: openDoorbell(doorbells, sender) })),
    wake: () => shell?.wake(),
    report: say,
  });
  // A wait on the doorbell alone does not keep a thread's event loop alive.
  const alive = setInterval(() => counters.add('beats', 1), 100);
  shell = new AsyncShell({
    body,
    doorbell: openDoorbell(doorbells, thread),
    stepsPerTurn: STEPS_PER_TURN,
    counters,
    whenDone: () => {
      clearInterval(alive);
      say({ type: 'done', openRows: 0 });
      parentPort!.close();
    },
    whenFailed: tellFailure,
  });
  parentPort!.on('message', (order: KeeperOrder) => {
    if (order.type === 'abort') body.abort(order.checkpoint, 'ASKED', order.reason);
    else body.stop();
    shell.wake();
  });
  shell.wake();
  say({ type: 'ready' });
}
