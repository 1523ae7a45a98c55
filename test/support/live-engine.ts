// test/support/live-engine.ts — a whole engine of this process on a test job, and what one may ask it from outside.

import { Engine, type EngineOptions } from '../../host/engine/engine.ts';
import { Talk } from './talk.ts';

export interface LiveOptions extends Omit<EngineOptions, 'jobUrl'> {
  /** File under test/jobs. */
  job?: string;
}

export class LiveEngine {
  readonly engine: Engine;
  readonly log: string[];
  private readonly talks: Talk[] = [];

  private constructor(engine: Engine, log: string[]) {
    this.engine = engine;
    this.log = log;
  }

  static async start({ job = 'puppet.mjs', ...options }: LiveOptions = {}): Promise<LiveEngine> {
    const log: string[] = [];
    const jobUrl = new URL(`../jobs/${job}`, import.meta.url).href;
    const engine = await Engine.start({ memoryBytes: 2 ** 28, log: (line) => log.push(line), ...options, jobUrl });
    return new LiveEngine(engine, log);
  }

  get url(): string {
    return `${this.engine.host}:${this.engine.port}`;
  }

  async producer(stream: string): Promise<Talk> {
    return this.talk(`ws://${this.url}/v1/streams/${stream}`);
  }

  async subscriber(sink: string): Promise<Talk> {
    return this.talk(`ws://${this.url}/v1/sinks/${sink}`);
  }

  async talk(url: string): Promise<Talk> {
    const talk = await Talk.open(url);
    this.talks.push(talk);
    return talk;
  }

  get(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://${this.url}${path}`, init);
  }

  /** Every sample of /metrics whose line begins so, summed over threads. */
  async metric(beginning: string): Promise<number> {
    const text = await (await this.get('/metrics')).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(beginning) && !line.startsWith('#'))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** Ends the engine whatever state it is in; its failure, if any, is the test's to ask for. */
  async stop(): Promise<void> {
    for (const talk of this.talks) talk.close();
    await this.engine.stop().catch(() => undefined);
  }
}

/** One row of the puppet job's streams. */
export const row = (ts: number, key: string, value = 1): string => JSON.stringify({ ts, key, value });
