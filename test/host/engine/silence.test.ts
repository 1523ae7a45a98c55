// Who is taken for stuck, and who is not.
import { expect, test } from 'vitest';
import { Counters, counterBytes } from '../../../host/counters.ts';
import { Silence } from '../../../host/engine/silence.ts';

function threads(count: number): Counters[] {
  const buffer = new SharedArrayBuffer(counterBytes(count));
  return Array.from({ length: count }, (_, thread) => new Counters(buffer, thread));
}

test.each(['steps', 'sleeps', 'blocked', 'beats'] as const)('a thread whose %s move is not silent', (counter) => {
  const rows = threads(2);
  const silence = new Silence(rows, 1000);
  for (let look = 0; look < 20; look++) {
    rows[0]!.add(counter, 1);
    rows[1]!.add('steps', 1);
    expect(silence.look(100)).toBe(-1);
  }
});

test('the thread that does not move for the whole limit is named, not earlier and not another', () => {
  const rows = threads(3);
  const silence = new Silence(rows, 1000);
  const looks = Array.from({ length: 10 }, () => {
    rows[0]!.add('steps', 1);
    rows[2]!.add('beats', 1);
    return silence.look(100);
  });
  expect(looks).toEqual([-1, -1, -1, -1, -1, -1, -1, -1, -1, 1]);
});

test('a long absence of control itself is no silence of others', () => {
  const silence = new Silence(threads(1), 1000);
  expect(silence.look(3_600_000)).toBe(-1);
});
