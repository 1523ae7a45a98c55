// host/engine/producer-registry.ts — which listener speaks for a producer id: one at a time, the newest epoch wins.
//
// Connections are dealt to listeners at random, so a producer that reconnects may meet another listener than before.
// The old listener fences its connection and hands the producer's time and sequence over before the new one answers.
// Not here  duplicates and gaps of sequences: with a log, the log's thread owns the table.

import type { ProducerHandover } from '../listener/producers.ts';

interface Owner {
  listener: number;
  epoch: number;
}

export type Claim = { granted: true; handover: ProducerHandover | null } | { granted: false; epoch: number };

export class ProducerRegistry {
  private readonly owners = new Map<string, Owner>();
  private readonly busy = new Map<string, Promise<unknown>>();
  private readonly release: (listener: number, stream: number, producer: string) => Promise<ProducerHandover | null>;

  constructor(release: (listener: number, stream: number, producer: string) => Promise<ProducerHandover | null>) {
    this.release = release;
  }

  /** Claims of one producer are decided one after the other. */
  claim(listener: number, stream: number, producer: string, epoch: number): Promise<Claim> {
    const key = `${stream}/${producer}`;
    const decided = (this.busy.get(key) ?? Promise.resolve()).then(() =>
      this.decide(key, listener, stream, producer, epoch),
    );
    this.busy.set(key, decided);
    void decided.finally(() => {
      if (this.busy.get(key) === decided) this.busy.delete(key);
    });
    return decided;
  }

  private async decide(key: string, listener: number, stream: number, producer: string, epoch: number): Promise<Claim> {
    const owner = this.owners.get(key);
    if (owner !== undefined && epoch < owner.epoch) return { granted: false, epoch: owner.epoch };
    this.owners.set(key, { listener, epoch });
    if (owner === undefined || owner.listener === listener) return { granted: true, handover: null };
    return { granted: true, handover: await this.release(owner.listener, stream, producer) };
  }
}
