// host/client/following.ts — the results of a sink, over as many connections as it takes: each row once, gaps by name.
//
//   subscribe from the offsets seen ──▶ rows behind them ──lost, cut off──▶ wait ──▶ subscribe from there …
//
// Promises
//   - a row is given once: what comes again by its offset is dropped.
//   - offsets that did not come are told as a gap, in their place: thrown, unless the caller takes gaps as messages.
//   - an `end` is not passed on while it is unknown whether rows before it were missed.
// Limits  an engine that keeps no results begins from now on after a reconnect; one that was started again counts its
//         offsets from 0. Both show at the next row of a partition, and are told.

import { ClientError, isClientError } from './client-error.ts';
import { BACKOFF_CAP_MS, RETRY_MS_MAX, SILENT_MS_MAX } from './limits.ts';
import { REAL_TIMING, Retry, type Timing } from './retry.ts';
import { type ArrowRows, JsonRows, type SinkFormat, type SinkTime } from './sink-message.ts';
import { type Subscription, subscribe } from './subscriber.ts';

/** Rows that this follower did not get. */
export interface Gap {
  readonly type: 'gap';
  readonly partition: number;
  /** First offset missed; null: not known. */
  readonly from: number | null;
  /** First offset that comes again; null: not known. */
  readonly to: number | null;
  /** missed: nobody kept them · pruned: kept no longer · restarted: offsets begin anew, rows may be missing and may come again */
  readonly why: 'missed' | 'pruned' | 'restarted';
}

/** Of rows in Arrow the first `skip` were given before: a stream is not cut. */
export type FollowedArrowRows = ArrowRows & { readonly skip: number };
export type Followed = JsonRows | FollowedArrowRows | SinkTime | Gap;
export type Offsets = Readonly<Record<string, number>>;

export interface FollowOptions {
  url: string;
  sink: string;
  format?: SinkFormat;
  /** Next offset by partition: goes on there; partitions that are not named begin at 0. Default: from now on. */
  from?: Offsets;
  /** How long a lost connection is tried again; 0: not at all. */
  retryForMs?: number;
  /** The same for the very first connection; default 0. */
  firstRetryForMs?: number;
  /** tell: a gap is a message like others. Default: it is thrown as a ClientError GAP. */
  gaps?: 'throw' | 'tell';
  silentMsMax?: number;
  onLost?: (error: ClientError) => void;
  /** Clock, sleep and chance; for tests. */
  timing?: Timing;
}

/**
 * Subscribes; rows come by iteration.
 *
 * @throws ClientError when there is no engine, no such sink, or the sink is none to subscribe to
 */
export async function follow(options: FollowOptions): Promise<Following> {
  const following = new Following(options);
  await following.open();
  return following;
}

/**
 * The same, by callback: one message at a time, the next when the callback's promise has resolved.
 *
 * @returns closed: resolves behind `close`, rejects as iteration throws, or as the callback does
 */
export async function followEach(
  options: FollowOptions,
  onMessage: (message: Followed) => void | Promise<void>,
): Promise<{ following: Following; closed: Promise<void> }> {
  const following = await follow(options);
  const closed = (async () => {
    for await (const message of following) await onMessage(message);
  })();
  return { following, closed };
}

export class Following implements AsyncIterable<Followed> {
  /** How many partitions the results come from, when the engine says so. */
  partitions: number | undefined;
  private readonly options: FollowOptions;
  private readonly timing: Timing;
  private readonly retry: Retry;
  private readonly ending = new AbortController();
  private subscription: Subscription | null = null;
  private connectedMs = 0;
  private store: string | undefined;
  /** By partition: the offset that comes next. */
  private readonly next = new Map<number, number>();
  /** Partitions of which rows may have been missed, until their next row shows. */
  private readonly doubtful = new Set<number>();
  /** The connection is not the first, and its engine keeps nothing: partitions never seen are in doubt as well. */
  private isBlind = false;
  private readonly gaps: Gap[] = [];

  constructor(options: FollowOptions) {
    this.options = options;
    const { retryForMs = RETRY_MS_MAX, timing = REAL_TIMING } = options;
    this.timing = timing;
    this.retry = new Retry({ forMs: retryForMs, timing });
    for (const [partition, offset] of Object.entries(options.from ?? {})) this.next.set(Number(partition), offset);
  }

  /** Next offset by partition, of what was given: `from` of a later follower. */
  get resume(): Record<string, number> {
    return Object.fromEntries(this.next);
  }

  async open(): Promise<void> {
    const { firstRetryForMs = 0 } = this.options;
    await this.connect(new Retry({ forMs: firstRetryForMs, timing: this.timing }), null);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Followed, void, undefined> {
    try {
      while (!this.ending.signal.aborted) {
        const lost = yield* this.drain();
        if (lost === null) return;
        if (this.timing.nowMs() - this.connectedMs >= BACKOFF_CAP_MS) this.retry.progress();
        await this.connect(this.retry, lost);
      }
    } catch (error) {
      if (!this.ending.signal.aborted) throw error;
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    this.ending.abort();
    await this.subscription?.close();
  }

  /** Everything of one connection. @returns why it ended; null: it was closed */
  private async *drain(): AsyncGenerator<Followed, ClientError | null, undefined> {
    yield* this.tellGaps();
    try {
      for await (const message of this.subscription!) {
        this.retry.progress();
        const followed = message.type === 'rows' ? this.rows(message) : this.time(message);
        yield* this.tellGaps();
        if (followed === null) continue;
        if (followed.type === 'rows') this.next.set(followed.partition, followed.offset + followed.count);
        yield followed;
      }
      return null;
    } catch (error) {
      if (!isClientError(error) || error.code === 'GAP') throw error;
      return error;
    }
  }

  /** @param lost  why there is no connection any more; null: there has been none */
  private async connect(retry: Retry, lost: ClientError | null): Promise<void> {
    for (let why = lost; ; ) {
      if (why !== null) {
        this.options.onLost?.(why);
        const goesOn = why.code === 'OFFSET_PRUNED' && this.skipTo(why.earliest);
        if (!goesOn) await retry.afterFailure(why, this.ending.signal);
      }
      try {
        await this.connectOnce(lost !== null);
        return;
      } catch (error) {
        if (!isClientError(error)) throw error;
        why = error;
      }
    }
  }

  private async connectOnce(isAgain: boolean): Promise<void> {
    const { url, sink, format, silentMsMax = SILENT_MS_MAX } = this.options;
    const wantsFrom = isAgain ? this.next.size > 0 : this.options.from !== undefined;
    const from = wantsFrom ? { from: this.resume } : {};
    const subscription = await subscribe({
      url,
      sink,
      silentMsMax,
      ...(format === undefined ? {} : { format }),
      ...from,
    });
    if (this.ending.signal.aborted) await subscription.close();
    this.subscription = subscription;
    this.connectedMs = this.timing.nowMs();
    this.partitions = subscription.partitions;
    const { store } = subscription;
    if (isAgain && this.store !== undefined && store !== this.store) this.startAnew();
    this.store = store;
    if (subscription.from !== undefined) this.beginAt(subscription.from);
    else if (wantsFrom || isAgain) {
      this.isBlind = isAgain;
      for (const partition of this.next.keys()) this.doubtful.add(partition);
    }
  }

  /** The engine says where it begins. */
  private beginAt(from: Offsets): void {
    this.isBlind = false;
    this.doubtful.clear();
    for (const [name, offset] of Object.entries(from)) {
      const partition = Number(name);
      const expected = this.expected(partition);
      if (expected !== undefined && offset > expected) this.miss(partition, expected, offset, 'missed');
      if (expected === undefined || offset > expected) this.next.set(partition, offset);
    }
  }

  /** @returns whether there was anything to skip */
  private skipTo(earliest: Offsets): boolean {
    const later = Object.entries(earliest).filter(([name, offset]) => offset > (this.next.get(Number(name)) ?? 0));
    for (const [name, offset] of later) {
      const partition = Number(name);
      this.miss(partition, this.next.get(partition) ?? 0, offset, 'pruned');
      this.next.set(partition, offset);
    }
    return later.length > 0;
  }

  /** Another store's offsets say nothing about ours. */
  private startAnew(): void {
    for (const [partition, from] of this.next) this.miss(partition, from, null, 'restarted');
    this.next.clear();
    this.doubtful.clear();
  }

  private rows(message: JsonRows | ArrowRows): JsonRows | FollowedArrowRows | null {
    const { partition, offset, count } = message;
    const expected = this.expected(partition);
    const keepsNothing = this.subscription!.from === undefined;
    if (expected === undefined) {
      if (this.isBlind && offset > 0) this.miss(partition, null, offset, 'missed');
    } else if (offset > expected) this.miss(partition, expected, offset, 'missed');
    // An engine that keeps nothing sends nothing twice: its offsets are those of another life.
    else if (offset < expected && keepsNothing) this.miss(partition, expected, offset, 'restarted');
    this.doubtful.delete(partition);
    const seen = expected === undefined || keepsNothing ? 0 : Math.max(0, expected - offset);
    if (seen >= count) return null;
    if (message.format === 'arrow') return { ...message, skip: seen };
    return seen === 0 ? message : withoutFirst(message, seen);
  }

  private expected(partition: number): number | undefined {
    return this.next.get(partition) ?? (this.options.from === undefined ? undefined : 0);
  }

  private time(message: SinkTime): SinkTime {
    const { partition, type } = message;
    const isUnsure = this.doubtful.has(partition) || (this.isBlind && !this.next.has(partition));
    if (type === 'end' && isUnsure) {
      this.miss(partition, this.next.get(partition) ?? null, null, 'missed');
      this.doubtful.delete(partition);
    }
    return message;
  }

  private miss(partition: number, from: number | null, to: number | null, why: Gap['why']): void {
    this.gaps.push({ type: 'gap', partition, from, to, why });
  }

  private *tellGaps(): Generator<Gap> {
    for (const gap of this.gaps.splice(0)) {
      if (gap.to !== null) this.next.set(gap.partition, gap.to);
      if (this.options.gaps !== 'tell') throw new ClientError('GAP', gapText(gap), { resume: this.resume });
      yield gap;
    }
  }
}

export function gapText({ partition, from, to, why }: Gap): string {
  const begin = from === null ? '?' : from;
  const range = to === null ? `from offset ${begin} on, perhaps` : `offsets ${begin} to ${to - 1}`;
  if (why === 'restarted') {
    const seen = `the engine's offsets begin anew at ${to ?? 0}, ${begin} was expected`;
    return `partition ${partition}: ${seen}; results may be missing or come again`;
  }
  const because = why === 'pruned' ? '; the engine keeps them no longer' : '';
  return `partition ${partition}: results are missing, ${range}${because}`;
}

function withoutFirst(rows: JsonRows, count: number): JsonRows {
  let at = 0;
  for (let line = 0; line < count; line++) at = rows.bytes.indexOf(NEWLINE, at) + 1;
  const head = { partition: rows.partition, offset: rows.offset + count, count: rows.count - count };
  return new JsonRows(head, rows.bytes.subarray(at));
}

const NEWLINE = 0x0a;
