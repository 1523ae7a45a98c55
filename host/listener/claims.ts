// host/listener/claims.ts — questions to the control thread (may this connection speak for that producer?) that wait
// for their answer.

import { tell } from '../thread/report.ts';
import type { ClaimAnswer } from './socket-ingest.ts';

export class Claims {
  private readonly waiting = new Map<number, (answer: ClaimAnswer) => void>();
  private next = 0;

  ask(socket: { stream: number; producer: string; epoch: number }, done: (answer: ClaimAnswer) => void): void {
    const id = this.next++;
    this.waiting.set(id, done);
    tell({ type: 'claim', id, stream: socket.stream, producer: socket.producer, epoch: socket.epoch });
  }

  answer(id: number, answer: ClaimAnswer): void {
    const done = this.waiting.get(id);
    this.waiting.delete(id);
    done?.(answer);
  }
}
