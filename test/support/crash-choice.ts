// test/support/crash-choice.ts — what a crash of the simulated disk keeps: decided write by write, entry by entry.

/** What a crash leaves of a write that was not synced. Bytes of pieces that are not kept are as before, or 0 behind the end. */
export type WriteFate = 'kept' | 'dropped' | { pieceBytes: number; keeps: (piece: number) => boolean };

export interface CrashChoice {
  /** Leaving out any of them is all that reordering can do. A truncation is kept or dropped. */
  write(change: { path: string; position: number; bytes: number }): WriteFate;
  /** Whether a change of a directory is kept; after the first that is not, none of this directory is. */
  entry(change: { path: string }): boolean;
}

export const keepAll: CrashChoice = { write: () => 'kept', entry: () => true };
export const dropAll: CrashChoice = { write: () => 'dropped', entry: () => false };

const PIECE_BYTES = [1, 512, 4096] as const;

/** @param random  seeded */
export function randomCrash(random: { below(bound: number): number }): CrashChoice {
  return {
    write: ({ bytes }) => {
      const way = random.below(4);
      if (way === 0) return 'kept';
      if (way === 1) return 'dropped';
      const pieceBytes = PIECE_BYTES[random.below(3)]!;
      if (way === 2) {
        const kept = random.below(Math.ceil(bytes / pieceBytes) + 1);
        return { pieceBytes, keeps: (piece) => piece < kept };
      }
      return { pieceBytes, keeps: () => random.below(2) === 0 };
    },
    entry: () => random.below(3) > 0,
  };
}
