// host/kernel/bytes.ts — puts a small binary plan where a kernel can read it.

import type { Kernel } from './load.ts';

/**
 * Copies `bytes` into the kernel's arena, for good.
 *
 * @returns their address, 16-byte aligned
 * @throws RangeError when the arena cannot hold them
 */
export function putBytes(kernel: Kernel, bytes: Uint8Array): number {
  const address = kernel.exports.reserve(bytes.byteLength) >>> 0;
  if (address === 0) throw new RangeError(`no room for a plan of ${bytes.byteLength} bytes in the kernel's memory`);
  kernel.u8.set(bytes, address);
  return address;
}
