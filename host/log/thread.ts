// host/log/thread.ts — the log worker: recovers the log, then runs its body in an event loop that only files keep busy.

import { parentPort, workerData } from 'node:worker_threads';
import { crc32 } from 'node:zlib';
import { openDoorbell } from '../../ring/doorbell.ts';
import { monotonicMs } from '../clock.ts';
import { Counters } from '../counters.ts';
import type { Disk } from '../disk/disk.ts';
import { realDisk } from '../disk/real-disk.ts';
import { Channel } from '../thread/channel.ts';
import { tellFailure } from '../thread/report.ts';
import { AsyncShell } from '../thread/shell-async.ts';
import { LogBody } from './body.ts';
import { type OpenedLog, openLog } from './open-log.ts';
import type { LogMessage, LogOrder, LogStart } from './start.ts';

const STEPS_PER_TURN = 256;
/** How often it looks whether it is time for a mark, or a sync takes too long. */
const LOOK_EVERY_MS = 100;

try {
  await run(workerData as LogStart);
} catch (error) {
  tellFailure(error);
}

async function run(start: LogStart): Promise<void> {
  const { data, store, limits, durableElsewhere } = start;
  const disk = realDisk();
  const done: string[] = [];
  const opened = await openLog({ disk, data, store, limits, durableElsewhere, report: (what) => done.push(what) });
  const served = orderToServe();
  tell({
    type: 'logRecovered',
    firstGroup: opened.segments[0]?.firstGroup ?? 0,
    lastGroup: opened.head.number,
    producers: opened.table.count,
    done,
  });
  await served;
  serve(start, disk, opened);
}

/** Resolves with the first order; orders that follow it are heard by `serve`. */
function orderToServe(): Promise<void> {
  return new Promise((resolve) => parentPort!.once('message', () => resolve()));
}

function serve(start: LogStart, disk: Disk, opened: OpenedLog): void {
  const { thread, data, ackMode, limits, inboxes, seed } = start;
  const counters = new Counters(start.counters, thread);
  const channels = start.says.map(
    ({ buffer, place }, listener) => new Channel(buffer, place, openDoorbell(start.doorbells, listener)),
  );
  let salts = 0;
  let isReadySaid = false;
  const body = new LogBody({
    disk,
    data,
    ackMode,
    limits,
    inboxes,
    channels,
    ...opened,
    counters,
    nowMs: monotonicMs,
    newSalt: () => crc32(`${seed[0]} ${seed[1]} ${salts++}`),
    wake: () => shell.wake(),
    barrierDurable: (checkpoint, group) => tell({ type: 'barrierDurable', checkpoint, group }),
  });
  const look = setInterval(() => {
    counters.add('beats', 1);
    shell.wake();
  }, LOOK_EVERY_MS);
  const shell = new AsyncShell({
    body: {
      step: () => {
        const result = body.step();
        if (!isReadySaid && body.isServing) {
          isReadySaid = true;
          tell({ type: 'logReady', booted: body.bootedAt, boot: opened.head.boot });
        }
        return result;
      },
    },
    doorbell: openDoorbell(start.doorbells, thread),
    stepsPerTurn: STEPS_PER_TURN,
    counters,
    whenDone: () => {
      clearInterval(look);
      opened.spares.close().then(() => {
        tell({ type: 'logDone', lastGroup: body.lastGroup, isSealed: body.isSealed });
        parentPort!.close();
      }, tellFailure);
    },
    whenFailed: (error) => {
      clearInterval(look);
      tellFailure(error);
    },
  });
  parentPort!.on('message', (order: LogOrder) => {
    if (order.type === 'barrier') body.barrier(order.checkpoint);
    if (order.type === 'retain') body.retain(order.group);
    if (order.type === 'stop') body.stop();
    shell.wake();
  });
  shell.wake();
}

function tell(message: LogMessage): void {
  parentPort!.postMessage(message);
}
