// One copy between two memories, whichever of them is shared.
import { expect, test } from 'vitest';
import { copyBetween } from '../../../host/kernel/copy-between.ts';
import { PAGE_BYTES, reserveMemory } from '../../../host/kernel/load.ts';

const counted = (shared: boolean): WebAssembly.Memory => {
  const memory = reserveMemory(2 * PAGE_BYTES, shared);
  new Uint8Array(memory.buffer).forEach((_, index, bytes) => {
    bytes[index] = index % 251;
  });
  return memory;
};

const bytesOf = (memory: WebAssembly.Memory, at: number, count: number): number[] => [
  ...new Uint8Array(memory.buffer, at, count),
];

test.each([
  [false, false],
  [false, true],
  [true, false],
  [true, true],
])('exactly the bytes asked for arrive: shared %s to shared %s', (fromShared, toShared) => {
  const from = counted(fromShared);
  const to = reserveMemory(PAGE_BYTES, toShared);
  copyBetween(from, to)(100, 250, 5);
  expect(bytesOf(to, 98, 9)).toEqual([0, 0, 250, 0, 1, 2, 3, 0, 0]);
});

test('a memory is copied within, also over itself', () => {
  const memory = counted(true);
  copyBetween(memory, memory)(2, 0, 6);
  expect(bytesOf(memory, 0, 9)).toEqual([0, 1, 0, 1, 2, 3, 4, 5, 8]);
});

test('what lies outside of either memory is refused with nothing written', () => {
  const from = counted(false);
  const to = reserveMemory(PAGE_BYTES, true);
  const copy = copyBetween(from, to);
  expect(() => copy(0, 2 * PAGE_BYTES - 4, 5)).toThrow(WebAssembly.RuntimeError);
  expect(() => copy(PAGE_BYTES - 4, 1, 5)).toThrow(WebAssembly.RuntimeError);
  expect(() => copy(2 ** 31, 1, 5)).toThrow(WebAssembly.RuntimeError);
  expect(bytesOf(to, PAGE_BYTES - 4, 4)).toEqual([0, 0, 0, 0]);
});
