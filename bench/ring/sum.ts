// bench/ring/sum.ts — reads every byte of a block: the sum of its i32 words, four sums side by side so that additions overlap.

export function sumWords(words: Int32Array, from: number, count: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let index = from, end = from + count; index < end; index += 4) {
    a = (a + words[index]!) | 0;
    b = (b + words[index + 1]!) | 0;
    c = (c + words[index + 2]!) | 0;
    d = (d + words[index + 3]!) | 0;
  }
  return (a + b + c + d) | 0;
}
