// ring/doorbell.ts — one word per thread: who has work for a thread rings it, and only a sleeper costs a system call.
//
//   AWAKE ──prepareSleep──▶ ASLEEP ──ring (CAS)──▶ AWAKE, and the waiter is notified
//                             └────cancelSleep, or the wait's timeout──▶ AWAKE
//
//   sleeper                              waker
//   1  store word = ASLEEP               a  store: its work becomes visible (publish, release, any Atomics.store)
//   2  load: is there work?              b  load word
//   3  no: wait while word is ASLEEP     c  ASLEEP: CAS to AWAKE; won: notify
//
// Promises
//   - No wake-up is lost. All four are sequentially consistent (every JavaScript atomic is), so they have one order.
//     If 2 did not see the work of a, then 1 < 2 < a < b: b sees ASLEEP and c changes the word. A wait that
//     begins after that finds the word changed and does not begin; one that began before is notified.
//     This needs a store-load order on both sides: nothing weaker than a seq-cst store at 1 and at a will do.
//   - A ring at an awake thread is one load.
//   - A wake-up may be spurious: after every return the owner looks for work again.
//
// Threads   anyone rings; only the owner sleeps. One thread owns a doorbell.
// Not here  whether there is work, and for how long to look for it first (the thread's shell).

const AWAKE = 0;
const ASLEEP = 1;

/** Two cache lines each, as the rings' cursors: a sleeper's store must not cost its neighbour. */
export const DOORBELL_STRIDE_BYTES = 128;

export interface Doorbell {
  readonly words: Int32Array;
  /** Index of this thread's word in `words`. */
  readonly index: number;
  /** A waitAsync that has not answered yet: waits cannot be withdrawn, so the next sleep goes on with it. */
  pending: Promise<unknown> | null;
}

/** Bytes of a SharedArrayBuffer that holds the doorbells of this many threads. */
export function doorbellBytes(threadCount: number): number {
  return threadCount * DOORBELL_STRIDE_BYTES;
}

/** The doorbell of thread `threadIndex`, for its owner and for those who ring it. Zeroed memory means awake. */
export function openDoorbell(buffer: SharedArrayBuffer, threadIndex: number): Doorbell {
  if (!(threadIndex >= 0 && doorbellBytes(threadIndex + 1) <= buffer.byteLength)) {
    throw new RangeError(`threadIndex=${threadIndex}, expected 0..${buffer.byteLength / DOORBELL_STRIDE_BYTES - 1}`);
  }
  const words = new Int32Array(buffer);
  return { words, index: doorbellBytes(threadIndex) / Int32Array.BYTES_PER_ELEMENT, pending: null };
}

/**
 * Wakes the owner if it sleeps. Call it after the store that made the work visible, never before.
 *
 * @returns whether this call woke it
 */
export function ring(doorbell: Doorbell): boolean {
  const { words, index } = doorbell;
  // load: comes after the caller's store of its work (seq-cst); pairs with the store in prepareSleep().
  if (Atomics.load(words, index) !== ASLEEP) return false;
  // compareExchange: of several wakers one notifies; a wait that has yet to begin now finds the word changed.
  if (Atomics.compareExchange(words, index, ASLEEP, AWAKE) !== ASLEEP) return false;
  Atomics.notify(words, index, 1);
  return true;
}

/** Owner: announces sleep. Then look for work once more: none, sleep; some, cancelSleep. */
export function prepareSleep(doorbell: Doorbell): void {
  // store: comes before the owner's last look for work (seq-cst); pairs with the load in ring().
  Atomics.store(doorbell.words, doorbell.index, ASLEEP);
}

/** Owner: the last look found work after all. */
export function cancelSleep(doorbell: Doorbell): void {
  // store: orders nothing; a waker that still saw ASLEEP fails its CAS or notifies nobody.
  Atomics.store(doorbell.words, doorbell.index, AWAKE);
}

/**
 * Owner, on a thread without an event loop to serve: sleeps until rung, after prepareSleep and a last look for work.
 *
 * @returns false when timeoutMs went by first
 */
export function sleepSync(doorbell: Doorbell, timeoutMs: number): boolean {
  const { words, index } = doorbell;
  // wait: compares and sleeps in one step, so a ring since prepareSleep() is seen as not-equal.
  const outcome = Atomics.wait(words, index, ASLEEP, timeoutMs);
  if (outcome !== 'timed-out') return true;
  cancelSleep(doorbell);
  return false;
}

/**
 * Owner, on a thread that serves an event loop: resolves when rung, after prepareSleep and a last look for work.
 * Other events may run meanwhile, and may prepare and cancel sleeps of their own. The promise alone does not keep
 * the process alive.
 *
 * @returns null when it was rung since prepareSleep: there is work now
 */
export function sleepAsync(doorbell: Doorbell): Promise<unknown> | null {
  if (doorbell.pending !== null) return doorbell.pending;
  const { words, index } = doorbell;
  // waitAsync: compares and enlists in one step, so a ring since prepareSleep() is seen as not-equal.
  const outcome = Atomics.waitAsync(words, index, ASLEEP);
  if (!outcome.async) return null;
  const pending = outcome.value.then(() => {
    doorbell.pending = null;
  });
  doorbell.pending = pending;
  return pending;
}
