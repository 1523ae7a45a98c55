// test/support/engine-run.ts — a whole engine on a test job: threads and loopback sockets, started, fed, read, stopped.
//
// Connections are dealt to listeners by chance; `producer` connects again until it has the listener that was asked for.

import type { CounterName } from '../../host/counters.ts';
import { Engine, type EngineOptions, type StopReport } from '../../host/engine/engine.ts';
import { type Frame, WsProducer } from './ws-producer.ts';
import { type ResultFormat, WsSubscriber } from './ws-subscriber.ts';

export interface RunOptions extends Omit<EngineOptions, 'jobUrl'> {
  /** File name under test/jobs, without `.ts`. */
  job: string;
}

export interface ProducerOptions {
  /** A producer id; default: anonymous. */
  id?: string;
  epoch?: number;
  /** Which listener thread should have the connection; default: whichever. */
  listener?: number;
}

/** One connection's worth of frames. */
export interface Feed extends ProducerOptions {
  stream: string;
  frames: Iterable<Frame>;
}

/** With 16 listeners at most, one try in sixteen hits: this many miss once in 10^14. */
const CONNECT_TRIES_MAX = 512;

export class EngineRun {
  readonly engine: Engine;
  readonly subscribers: WsSubscriber[] = [];
  readonly log: string[];
  private readonly producers: WsProducer[] = [];
  private connecting: Promise<unknown> = Promise.resolve();

  private constructor(engine: Engine, log: string[]) {
    this.engine = engine;
    this.log = log;
  }

  static async start({ job, ...options }: RunOptions): Promise<EngineRun> {
    const log: string[] = [];
    const jobUrl = new URL(`../jobs/${job}.ts`, import.meta.url).href;
    const engine = await Engine.start({ memoryBytes: 2 ** 30, log: (line) => log.push(line), ...options, jobUrl });
    return new EngineRun(engine, log);
  }

  /**
   * Results of a sink from now on.
   *
   * @param listener  which listener thread should have the connection; default: whichever
   */
  async subscribe(sink: string, format: ResultFormat = 'json', listener?: number): Promise<WsSubscriber> {
    const subscribed = () => this.engine.counters.map((thread) => thread.get('subscribers'));
    for (let tries = 0; tries < CONNECT_TRIES_MAX; tries++) {
      const before = subscribed();
      const subscriber = new WsSubscriber(`${this.url}/v1/sinks/${sink}?format=${format}`);
      await subscriber.ready();
      if (listener === undefined || subscribed()[listener]! > before[listener]!) {
        this.subscribers.push(subscriber);
        return subscriber;
      }
      await subscriber.vanish();
    }
    throw new Error(`no connection reached listener ${listener} in ${CONNECT_TRIES_MAX} tries`);
  }

  /** A connection that has been welcomed, and greeted when it has an id. One at a time: the counters tell which listener took it. */
  producer(stream: string, options: ProducerOptions = {}): Promise<WsProducer> {
    const connected = this.connecting.then(() => this.connect(stream, options));
    this.connecting = connected.catch(() => undefined);
    return connected;
  }

  /** Sends each feed's frames and `!end`; resolves when everything is acknowledged. */
  async feed(...feeds: Feed[]): Promise<void> {
    const producers = await Promise.all(feeds.map(({ stream, ...options }) => this.producer(stream, options)));
    await Promise.all(
      producers.map(async (producer, index) => {
        await producer.send(feeds[index]!.frames);
        producer.say('!end');
        await producer.flushed();
      }),
    );
  }

  /** Every subscriber has heard the end from every partition. */
  async ended(): Promise<void> {
    const { partitions } = this.engine.topology;
    await Promise.all(this.subscribers.map((subscriber) => subscriber.ended(partitions)));
  }

  /** Over all threads. */
  counter(name: CounterName): number {
    return this.engine.counters.reduce((sum, thread) => sum + thread.get(name), 0);
  }

  get rejected(): number {
    return this.engine.counters.reduce((sum, thread) => sum + thread.rejectsAll(), 0);
  }

  /** What results promise about order was kept by every subscriber. */
  get violations(): string[] {
    return this.subscribers.flatMap(({ violations }) => violations);
  }

  async stop(): Promise<StopReport> {
    for (const client of [...this.producers, ...this.subscribers]) client.close();
    return await this.engine.stop();
  }

  private get url(): string {
    return `ws://${this.engine.host}:${this.engine.port}`;
  }

  private async connect(stream: string, { id, epoch, listener }: ProducerOptions): Promise<WsProducer> {
    const { listeners } = this.engine.topology;
    const opened = () => this.engine.counters.slice(0, listeners).map((thread) => thread.get('connectionsOpened'));
    for (let tries = 0; tries < CONNECT_TRIES_MAX; tries++) {
      const before = opened();
      const producer = new WsProducer(`${this.url}/v1/streams/${stream}`);
      await producer.says('welcome');
      const at = opened().findIndex((count, index) => count > before[index]!);
      if (listener === undefined || at === listener) {
        this.producers.push(producer);
        if (id !== undefined) await producer.hello(id, epoch);
        return producer;
      }
      await producer.vanish();
    }
    throw new Error(`no connection reached listener ${listener} in ${CONNECT_TRIES_MAX} tries`);
  }
}
