// bench/suites/e2e/serve-receive.ts — the ceiling: a server that only receives the same frames and copies them aside.

import { serve } from './baseline-server.ts';

const aside = new Uint8Array(4 * 1024 * 1024);
let at = 0;
let frames = 0;
let bytes = 0;

serve({
  take: (message) => {
    const { byteLength } = message;
    if (at + byteLength > aside.length) at = 0;
    aside.set(new Uint8Array(message), at);
    at += byteLength;
    frames++;
    bytes += byteLength;
  },
  end: () => {
    const report = { frames, bytes };
    frames = 0;
    bytes = 0;
    return report;
  },
});
