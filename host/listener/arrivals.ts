// host/listener/arrivals.ts — producers that come from another listener, where the log says that they move.
//
// With a log a producer's time is at one listener at every place of it. When the producer says hello at another one, the
// log tells all listeners of the move ahead of that group; the old one hands the producer's time over when it has finished
// every group before, and the new one does not go past the hello until it has it.

import type { ProducerHandover } from './producers.ts';

export class Arrivals {
  /** By move: null while the producer is on its way. */
  private readonly byMove = new Map<string, ProducerHandover | null>();

  /** The log says that this producer comes here with this group. */
  expect(producer: number, group: number): void {
    const move = moveOf(producer, group);
    if (!this.byMove.has(move)) this.byMove.set(move, null);
  }

  arrive(producer: number, group: number, handover: ProducerHandover): void {
    this.byMove.set(moveOf(producer, group), handover);
  }

  isAwaited(producer: number, group: number): boolean {
    return this.byMove.get(moveOf(producer, group)) === null;
  }

  /** What arrived, once; undefined when the producer did not come from elsewhere. */
  take(producer: number, group: number): ProducerHandover | undefined {
    const move = moveOf(producer, group);
    const handover = this.byMove.get(move);
    this.byMove.delete(move);
    return handover ?? undefined;
  }
}

const moveOf = (producer: number, group: number): string => `${producer}@${group}`;
