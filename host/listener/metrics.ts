// host/listener/metrics.ts — the engine's counters as Prometheus text (exposition format 0.0.4), one series per thread.

import { COUNTERS, type Counters, LATENCY_BOUNDS_S, REFUSALS } from '../counters.ts';
import { REASON_CODE } from './reject-reasons.ts';

export interface ThreadMetrics {
  thread: string;
  counters: Counters;
}

export interface RingMetrics {
  ring: string;
  pendingBytes: number;
  capacityBytes: number;
}

/** Its histogram is of syncs, not of frames. */
const LOG_THREAD = 'log';

export function metricsText(threads: readonly ThreadMetrics[], rings: readonly RingMetrics[]): string {
  const lines: string[] = [];
  for (const [counter, name, help] of COUNTERS) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${name.endsWith('_total') ? 'counter' : 'gauge'}`);
    for (const { thread, counters } of threads) lines.push(`${name}{thread="${thread}"} ${counters.get(counter)}`);
  }
  rejectLines(lines, threads);
  refusalLines(lines, threads);
  watermarkLines(lines, threads);
  ringLines(lines, rings);
  const isLog = ({ thread }: ThreadMetrics) => thread === LOG_THREAD;
  const ingest = threads.filter((thread) => !isLog(thread));
  latencyLines(lines, 'pelton_ingest_seconds', "From a frame's arrival to its acknowledgement", ingest);
  latencyLines(lines, 'pelton_log_sync_seconds', 'How long a sync of the log took', threads.filter(isLog));
  return `${lines.join('\n')}\n`;
}

function rejectLines(lines: string[], threads: readonly ThreadMetrics[]): void {
  const name = 'pelton_rejects_total';
  lines.push(`# HELP ${name} Rows refused by name`, `# TYPE ${name} counter`);
  for (const { thread, counters } of threads) {
    for (const [reason, code] of Object.entries(REASON_CODE)) {
      const rows = counters.rejects(Number(reason));
      if (rows > 0) lines.push(`${name}{thread="${thread}",reason="${code}"} ${rows}`);
    }
  }
}

function refusalLines(lines: string[], threads: readonly ThreadMetrics[]): void {
  const name = 'pelton_refusals_total';
  lines.push(`# HELP ${name} Frames, messages, requests and connections refused by name`, `# TYPE ${name} counter`);
  for (const { thread, counters } of threads) {
    for (const code of REFUSALS) {
      const count = counters.refusals(code);
      if (count > 0) lines.push(`${name}{thread="${thread}",code="${code}"} ${count}`);
    }
  }
}

function watermarkLines(lines: string[], threads: readonly ThreadMetrics[]): void {
  const name = 'pelton_watermark_seconds';
  lines.push(`# HELP ${name} Event time that a partition's first stage has reached`, `# TYPE ${name} gauge`);
  for (const { thread, counters } of threads) {
    if (counters.watermarkMs !== null) lines.push(`${name}{thread="${thread}"} ${counters.watermarkMs / 1000}`);
  }
}

function ringLines(lines: string[], rings: readonly RingMetrics[]): void {
  const name = 'pelton_ring_fill_ratio';
  lines.push(`# HELP ${name} How full a ring is`, `# TYPE ${name} gauge`);
  for (const { ring, pendingBytes, capacityBytes } of rings) {
    lines.push(`${name}{ring="${ring}"} ${(pendingBytes / capacityBytes).toFixed(4)}`);
  }
}

function latencyLines(lines: string[], name: string, help: string, threads: readonly ThreadMetrics[]): void {
  lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} histogram`);
  for (const { thread, counters } of threads) {
    const { counts, sumSeconds } = counters.latencyBuckets();
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (total === 0) continue;
    let below = 0;
    for (const [bucket, bound] of LATENCY_BOUNDS_S.entries()) {
      below += counts[bucket]!;
      lines.push(`${name}_bucket{thread="${thread}",le="${bound}"} ${below}`);
    }
    lines.push(`${name}_bucket{thread="${thread}",le="+Inf"} ${total}`);
    lines.push(`${name}_sum{thread="${thread}"} ${sumSeconds}`, `${name}_count{thread="${thread}"} ${total}`);
  }
}
