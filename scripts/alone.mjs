// scripts/alone.mjs — one process at a time, by a file that holds the owner's process id.
//
// Promises
//   - `work` of two processes never overlaps; who waits says so after a moment.
//   - a lock whose owner is gone (killed, machine restarted) does not count.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const LOCK_POLL_MS = 200;
const LOCK_TELL_MS = 3000;
/** Longer than a competitor needs from reading a dead owner's lock to removing what it takes for that lock. */
const LOCK_SETTLE_MS = 50;

/** Lets one set-up at a time run in this clone; a lock left by a process that is gone does not count. */
export async function alone(lock, work) {
  mkdirSync(dirname(lock), { recursive: true });
  const started = Date.now();
  let told = false;
  while (!(await take(lock))) {
    const owner = ownerOf(lock);
    // Our own number in a lock that is not ours: process ids are few in a container, and come again.
    if (owner.gone || owner.pid === process.pid) rmSync(lock, { force: true });
    else await sleep(LOCK_POLL_MS);
    if (!told && Date.now() - started > LOCK_TELL_MS) {
      told = true;
      process.stderr.write(`Waiting for the set-up that process ${owner.pid} does (${lock}) …\n`);
    }
  }
  const release = () => rmSync(lock, { force: true });
  process.on('exit', release);
  try {
    return await work();
  } finally {
    release();
    process.off('exit', release);
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Whether the lock is ours now: written, and still there after whoever saw a dead owner has acted on it. */
async function take(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
  } catch (e) {
    if (e.code === 'EEXIST') return false;
    throw e;
  }
  await sleep(LOCK_SETTLE_MS);
  return ownerOf(lock).pid === process.pid;
}

function ownerOf(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    // Without a number its writer died between creating and writing, or is just there.
    if (!pid) return { pid, gone: Date.now() - statSync(lock).mtimeMs > LOCK_TELL_MS };
    process.kill(pid, 0);
    return { pid, gone: false };
  } catch (e) {
    return { pid: 0, gone: e.code === 'ESRCH' }; // ENOENT: released meanwhile; EPERM: alive, of another user.
  }
}
