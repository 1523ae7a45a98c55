// host/disk/trouble.ts — what an error of the disk leaves open: try again when there is room, ask a person, or trust nothing.
//
//   no-room     ENOSPC, EDQUOT, EMFILE, but of a sync: nothing that was written is lost
//   forbidden   EROFS, EACCES, but of a sync: a person must act
//   broken      any error of a sync, and everything else: what is on the medium is unknown
//
// Told apart by `code` and `operation`, never by instanceof.

export type DiskTrouble = 'no-room' | 'forbidden' | 'broken';

const TROUBLES: Record<string, DiskTrouble> = {
  ENOSPC: 'no-room',
  EDQUOT: 'no-room',
  EMFILE: 'no-room',
  EROFS: 'forbidden',
  EACCES: 'forbidden',
};

export function troubleOf(error: unknown): DiskTrouble {
  const { code, operation } = error as { code?: unknown; operation?: unknown };
  return String(operation).startsWith('sync') ? 'broken' : (TROUBLES[String(code)] ?? 'broken');
}
