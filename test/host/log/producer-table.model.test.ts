// The producer table against a model that keeps everything for ever: the same verdicts, values and moves, and the same state.
import { expect, test } from 'vitest';
import {
  ENTRY_ACCEPTED,
  ENTRY_DUPLICATE,
  ENTRY_DUPLICATE_MISMATCH,
  ENTRY_FENCED,
  ENTRY_OUT_OF_SEQUENCE,
  ENTRY_TOO_MANY_PRODUCERS,
  ENTRY_UNKNOWN_PRODUCER,
} from '../../../host/log/layout.ts';
import { NOBODY, ProducerTable } from '../../../host/log/producer-table.ts';
import { decodeProducerTable, encodeProducerTable } from '../../../host/log/producer-table-bytes.ts';
import { type ModelAnswer, ModelProducers } from '../../model/producers.ts';
import { seededRandom } from '../../support/random.ts';

const LIMITS = { producersMax: 5, expiredMax: 5, rememberedMax: 4, horizonMs: 100 };

const VERDICTS = new Map<number, ModelAnswer['verdict']>([
  [ENTRY_ACCEPTED, 'accepted'],
  [ENTRY_DUPLICATE, 'duplicate'],
  [ENTRY_DUPLICATE_MISMATCH, 'mismatch'],
  [ENTRY_OUT_OF_SEQUENCE, 'out of sequence'],
  [ENTRY_FENCED, 'fenced'],
  [ENTRY_UNKNOWN_PRODUCER, 'unknown'],
  [ENTRY_TOO_MANY_PRODUCERS, 'too many'],
]);

interface AcceptedEntry {
  kind: 'open' | 'frame';
  arguments: number[];
  id: string;
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'agrees with the model after any sequence of hellos and frames, seed %i',
  (seed) => {
    const random = seededRandom(seed);
    const model = new ModelProducers(LIMITS.horizonMs, LIMITS.rememberedMax, LIMITS.producersMax);
    const table = new ProducerTable(LIMITS);
    const seen = new Map<string, number>();
    const log: AcceptedEntry[] = [];
    let ms = 0;
    for (let step = 0; step < 4000; step++) {
      ms += random.chance(0.004) ? 150 : random.below(3);
      const at = { listener: random.below(2), connection: random.below(2) };
      const stream = random.below(2);
      const epoch = 1 + random.below(3) + Math.floor(step / 1000);
      let answer: ModelAnswer;
      let verdict: number;
      if (random.chance(0.15)) {
        const id = random.pick(['a', 'b', 'c', 'd']);
        const first = random.pick([0, 0, 0, 1, 1, 2, 5]);
        answer = model.open(at, stream, id, epoch, first, ms);
        verdict = table.open(stream, id, epoch, first, at.listener, at.connection, ms);
        if (verdict === ENTRY_ACCEPTED) {
          expect(table.movedFrom, `seed ${seed} step ${step}`).toBe(model.movedFrom === -1 ? NOBODY : model.movedFrom);
          log.push({ kind: 'open', id, arguments: [table.number, stream, epoch, table.value, at.listener, ms] });
        }
      } else {
        const number = 1 + random.below(6);
        const known = model.all[number - 1];
        const speaker = known !== undefined && random.chance(0.9) ? known : undefined;
        const [listener, connection] =
          speaker === undefined ? [at.listener, at.connection] : speaker.speaker.split('/').map(Number);
        const body = { stream: speaker?.stream ?? stream, group: step + 1, checksum: random.below(2) };
        const frameEpoch = speaker !== undefined && random.chance(0.95) ? speaker.epoch : epoch;
        const sequence = Math.max(0, (known?.accepted.size ?? 0) + random.pick([1, 1, 1, 1, 0, -1, -2, -6, 2, 7]));
        const place = { listener: listener!, connection: connection! };
        answer = model.frame(place, number, frameEpoch, sequence, body, ms);
        verdict = table.frame(
          body.stream,
          number,
          frameEpoch,
          sequence,
          place.listener,
          place.connection,
          body.checksum,
          body.group,
          ms,
        );
        if (verdict === ENTRY_ACCEPTED) {
          log.push({ kind: 'frame', id: '', arguments: [number, frameEpoch, sequence, body.checksum, body.group, ms] });
        }
      }
      expect(VERDICTS.get(verdict), `seed ${seed} step ${step}`).toBe(answer.verdict);
      if ('value' in answer && !(answer.verdict === 'accepted' && answer.value === 0)) {
        expect(table.value, `seed ${seed} step ${step}`).toBe(answer.value);
      }
      seen.set(answer.verdict, (seen.get(answer.verdict) ?? 0) + 1);
    }
    expect([...seen.keys()].toSorted()).toEqual([...VERDICTS.values()].toSorted());
    expect(
      [...table.producers].map(({ stream, id, epoch, lastSequence }) => ({ stream, id, epoch, lastSequence })),
    ).toEqual(model.all.map(({ stream, id, epoch, accepted }) => ({ stream, id, epoch, lastSequence: accepted.size })));
    sameFromTheLog(table, log, ms);
  },
);

/** What was accepted, replayed into an empty table, gives the same bytes: a restart knows what was known. */
function sameFromTheLog(table: ProducerTable, log: readonly AcceptedEntry[], ms: number): void {
  const replayed = new ProducerTable(LIMITS);
  for (const { kind, id, arguments: given } of log) {
    const [a, b, c, d, e, f] = given as [number, number, number, number, number, number];
    expect(kind === 'open' ? replayed.replayOpen(a, b, id, c, d, e, f) : replayed.replayFrame(a, b, c, d, e, f)).toBe(
      true,
    );
  }
  for (const each of [table, replayed]) each.expire(ms);
  expect(encodeProducerTable(replayed)).toEqual(encodeProducerTable(table));
  expect(encodeProducerTable(decodeProducerTable(encodeProducerTable(table), LIMITS))).toEqual(
    encodeProducerTable(table),
  );
}
