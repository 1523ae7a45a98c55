// host/log/checksum.ts — the checksum of two pieces from the checksums of each: a segment's, without reading its bytes again.
//
// CRC-32 is linear over GF(2): crc(a ‖ b) = shift(crc(a), length of b) ⊕ crc(b), where the shift multiplies by
// x^(8·length) modulo the polynomial. The powers x^(2^k) are in a table; a shift takes one multiplication per bit of the length.
// Source: zlib, crc32_combine_gen (Mark Adler).

const POLYNOMIAL = 0xedb88320;
/** x^0 in the reflected order of bits. */
const ONE = 0x80000000;

/** x^(2^k), k = 0 … 31; from x on, each the square of the one before. */
const POWERS = new Uint32Array(32);
POWERS[0] = 0x40000000;
for (let k = 1; k < POWERS.length; k++) POWERS[k] = multiply(POWERS[k - 1]!, POWERS[k - 1]!);

/** The CRC-32 of a ‖ b. @param bytes  the length of b, below 2^32 */
export function joinChecksums(ofA: number, ofB: number, bytes: number): number {
  let shift = ONE;
  for (let rest = bytes, k = 3; rest > 0; rest = Math.floor(rest / 2), k++) {
    if (rest % 2 === 1) shift = multiply(POWERS[k & 31]!, shift);
  }
  return (multiply(shift, ofA) ^ ofB) >>> 0;
}

/** a·b modulo the polynomial, both reflected. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= factor;
    factor = (factor & 1) !== 0 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}
