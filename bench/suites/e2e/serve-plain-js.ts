// bench/suites/e2e/serve-plain-js.ts — the baseline that a Node developer would write: JSON.parse per line, one Map of
// small objects per window, results back as NDJSON. One process, one thread, nothing between socket and Map.

import { serve } from './baseline-server.ts';
import { DELAY_MS, WINDOW_MS } from './rows.ts';

interface State {
  n: number;
  sum: number;
  min: number;
  max: number;
}

interface Row {
  ts: number;
  key: number;
  value: number;
}

const RESULT_LINES = 2048;

const windows = new Map<number, Map<number, State>>();
let start = 0;
let states = new Map<number, State>();
let maxTime = 0;
/** Of the oldest open window. */
let nextEnd = Number.POSITIVE_INFINITY;
let frames = 0;

type Publish = (bytes: string) => void;

function add({ ts, key, value }: Row, publish: Publish): void {
  // Rows come nearly in order, so the window of the last row is the window of this one, nearly always.
  if (ts < start || ts >= start + WINDOW_MS) {
    start = ts - (ts % WINDOW_MS);
    states = windows.get(start) ?? new Map();
    windows.set(start, states);
    nextEnd = Math.min(nextEnd, start + WINDOW_MS);
  }
  if (ts > maxTime) {
    maxTime = ts;
    if (maxTime - DELAY_MS >= nextEnd) closeBefore(maxTime - DELAY_MS, publish);
  }
  const state = states.get(key);
  if (state === undefined) {
    states.set(key, { n: 1, sum: value, min: value, max: value });
    return;
  }
  state.n++;
  state.sum += value;
  if (value < state.min) state.min = value;
  if (value > state.max) state.max = value;
}

/** Publishes the windows that end at or before this time. */
function closeBefore(time: number, publish: Publish): void {
  nextEnd = Number.POSITIVE_INFINITY;
  for (const [windowStart, closed] of windows) {
    if (windowStart + WINDOW_MS > time) {
      nextEnd = Math.min(nextEnd, windowStart + WINDOW_MS);
      continue;
    }
    windows.delete(windowStart);
    let lines = 0;
    let text = '';
    for (const [key, { n, sum, min, max }] of closed) {
      text += `{"windowStart":${windowStart},"key":${key},"n":${n},"sum":${sum},"min":${min},"max":${max}}\n`;
      if (++lines % RESULT_LINES !== 0) continue;
      publish(text);
      text = '';
    }
    if (text !== '') publish(text);
  }
}

serve({
  take: (message, publish) => {
    frames++;
    const text = Buffer.from(message).toString('utf8');
    let from = 0;
    for (let to = text.indexOf('\n'); to >= 0; from = to + 1, to = text.indexOf('\n', from)) {
      add(JSON.parse(text.slice(from, to)) as Row, publish);
    }
    add(JSON.parse(text.slice(from)) as Row, publish);
  },
  end: (publish) => {
    closeBefore(Number.POSITIVE_INFINITY, publish);
    start = 0;
    maxTime = 0;
    const report = { frames };
    frames = 0;
    return report;
  },
});
