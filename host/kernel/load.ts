// host/kernel/load.ts — loads the compiled kernels; the only importer of the wasm.
//
// A kernel instance owns its memory alone: exactly one instance ever runs on a memory, and an instance that
// trapped is discarded with it. Compiled modules are kept per build, so a second instance costs no compilation.

import { readFileSync } from 'node:fs';
import { instantiateSync } from '@assemblyscript/loader';
import { ABI_VERSION } from '../../assembly/layout.ts';
import type { KernelExports } from './exports.ts';

/** A running kernel: raw exports (5–7 ns a call; the loader's wrappers cost 12–19) and views of its memory. */
export interface Kernel {
  readonly exports: KernelExports;
  readonly memory: WebAssembly.Memory;
  /** Views are good for the kernel's life: memory is reserved whole and never grows. */
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly i64: BigInt64Array;
  readonly f64: Float64Array;
}

export interface KernelOptions {
  /** Created with initial == maximum, so that no view ever goes stale. */
  memory: WebAssembly.Memory;
  /** First byte that the kernel's arena may use; below it lie the host's own regions (rings). */
  arenaBase?: number;
  /** Byte behind the last one that the arena may use; default: the end of the memory. */
  arenaEnd?: number;
  /** Assertions on; default: the environment variable PELTON_KERNEL=debug. */
  debug?: boolean;
}

/** Static data of the kernels ends far below this. */
export const ARENA_BASE_MIN = 65536;
export const PAGE_BYTES = 65536;

/** Memory of whole pages, reserved at once (the system commits a page when it is first touched). */
export function reserveMemory(bytes: number, shared: boolean): WebAssembly.Memory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
}

/**
 * Instantiates the kernels on `memory` and opens their arena.
 *
 * @throws Error when the wasm on disk was built from another layout than this host.
 */
export function loadKernel(options: KernelOptions): Kernel {
  const { memory, arenaBase = ARENA_BASE_MIN, debug = process.env.PELTON_KERNEL === 'debug' } = options;
  const shared = memory.buffer instanceof SharedArrayBuffer;
  const module = compiledModule(`pelton${debug ? '-debug' : ''}${shared ? '-shared' : ''}.wasm`);
  const { instance } = instantiateSync(module, { env: { memory } });
  const exports = instance.exports as unknown as KernelExports;
  if (exports.abiVersion() !== ABI_VERSION) {
    throw new Error(
      `the kernels on disk have ABI ${exports.abiVersion()}, this host expects ${ABI_VERSION}; rebuild with «npm run build»`,
    );
  }
  exports.arenaOpen(arenaBase, (options.arenaEnd ?? memory.buffer.byteLength) >>> 0);
  const { buffer } = memory;
  return {
    exports,
    memory,
    u8: new Uint8Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    i64: new BigInt64Array(buffer),
    f64: new Float64Array(buffer),
  };
}

const modules = new Map<string, WebAssembly.Module>();

function compiledModule(file: string): WebAssembly.Module {
  let module = modules.get(file);
  if (module === undefined) {
    module = new WebAssembly.Module(readFileSync(new URL(`../../build/${file}`, import.meta.url)));
    modules.set(file, module);
  }
  return module;
}
