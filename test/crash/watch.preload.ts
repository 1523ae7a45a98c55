// test/crash/watch.preload.ts — `node --import` of this: whoever asks for the real disk, in any thread, gets the watched one.
//
// The engine is run as it is; which thread asks is told by the module that imports the disk.

import { registerHooks } from 'node:module';

const REAL = '/host/disk/real-disk.ts';
const WATCHED = new URL('watched-disk.ts', import.meta.url).href;
const ROLES = {
  '/host/log/thread.ts': 'log',
  '/host/listener/': 'replay',
  '/host/checkpoint/': 'keeper',
  '/host/engine/': 'store',
};

registerHooks({
  resolve(specifier, context, nextResolve) {
    const found = nextResolve(specifier, context);
    const by = context.parentURL ?? '';
    const role = Object.entries(ROLES).find(([path]) => by.includes(path))?.[1];
    return found.url.endsWith(REAL) && role !== undefined ? { ...found, url: `${WATCHED}?role=${role}` } : found;
  },
});
