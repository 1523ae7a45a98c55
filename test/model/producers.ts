// test/model/producers.ts — the rules for producers the slow way: every accepted sequence of every epoch is kept for ever.
//
// Says what must happen, not how: no ring, no numbers by index, no state that is derived from another.

export interface ModelProducer {
  stream: number;
  id: string;
  number: number;
  /** Sequence → group and checksum, of the epoch that holds now. */
  accepted: Map<number, { group: number; checksum: number }>;
  epoch: number;
  speaker: string;
  listener: number;
  lastMs: number;
  /** Frames whose group may still be asked for: forgotten beyond the ring, and when it expires. */
  askable: number[];
}

export type ModelAnswer =
  | { verdict: 'accepted'; value: number }
  | { verdict: 'duplicate' | 'mismatch'; value: number }
  | { verdict: 'out of sequence' | 'fenced'; value: number }
  | { verdict: 'unknown' | 'too many' };

export class ModelProducers {
  readonly all: ModelProducer[] = [];
  movedFrom = -1;
  private readonly horizonMs: number;
  private readonly rememberedMax: number;
  private readonly producersMax: number;

  constructor(horizonMs: number, rememberedMax: number, producersMax: number) {
    this.horizonMs = horizonMs;
    this.rememberedMax = rememberedMax;
    this.producersMax = producersMax;
  }

  open(at: Place, stream: number, id: string, epoch: number, first: number, ms: number): ModelAnswer {
    let known = this.all.find((candidate) => candidate.stream === stream && candidate.id === id);
    const isFresh = known === undefined || this.expired(known, ms);
    if (known !== undefined && epoch < known.epoch) return { verdict: 'fenced', value: known.epoch };
    if (isFresh && first > 1) return { verdict: 'unknown' };
    if (known === undefined) {
      if (this.all.length === this.producersMax) return { verdict: 'too many' };
      known = {
        stream,
        id,
        number: this.all.length + 1,
        accepted: new Map(),
        epoch,
        speaker: '',
        listener: -1,
        lastMs: ms,
        askable: [],
      };
      this.all.push(known);
    }
    if (epoch > known.epoch && first > 1) return { verdict: 'out of sequence', value: 1 };
    if (first > known.accepted.size + 1) return { verdict: 'out of sequence', value: known.accepted.size + 1 };
    if (isFresh) known.askable = [];
    if (epoch > known.epoch && first === 1) this.restart(known);
    this.movedFrom = known.listener === at.listener ? -1 : known.listener;
    Object.assign(known, { epoch, speaker: `${at.listener}/${at.connection}`, listener: at.listener, lastMs: ms });
    return { verdict: 'accepted', value: known.accepted.size };
  }

  frame(at: Place, number: number, epoch: number, sequence: number, body: Body, ms: number): ModelAnswer {
    const known = this.all.find((candidate) => candidate.number === number);
    if (known === undefined || known.stream !== body.stream || this.expired(known, ms)) return { verdict: 'unknown' };
    if (epoch < known.epoch || known.speaker !== `${at.listener}/${at.connection}`) {
      return { verdict: 'fenced', value: known.epoch };
    }
    if (epoch > known.epoch) {
      if (sequence !== 1) return { verdict: 'out of sequence', value: 1 };
      this.restart(known);
      known.epoch = epoch;
    }
    const before = known.accepted.get(sequence);
    if (before !== undefined) {
      const isAskable = known.askable.includes(sequence);
      const verdict = isAskable && before.checksum !== body.checksum ? 'mismatch' : 'duplicate';
      return { verdict, value: isAskable ? before.group : 0 };
    }
    if (sequence !== known.accepted.size + 1) return { verdict: 'out of sequence', value: known.accepted.size + 1 };
    known.accepted.set(sequence, body);
    known.askable = [...known.askable, sequence].slice(-this.rememberedMax);
    known.lastMs = ms;
    return { verdict: 'accepted', value: 0 };
  }

  private restart(known: ModelProducer): void {
    known.accepted = new Map();
    known.askable = [];
  }

  private expired(known: ModelProducer, ms: number): boolean {
    return ms - known.lastMs > this.horizonMs;
  }
}

export interface Place {
  listener: number;
  connection: number;
}

export interface Body {
  stream: number;
  group: number;
  checksum: number;
}
