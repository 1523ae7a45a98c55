// test/crash/notes.ts — what a watched disk notes about itself, and how it is read when its process is gone.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const NOTE_FIELDS = [
  'operations',
  'writing',
  'syncing',
  'rolling',
  'recovering',
  'replaying',
  'keeping',
] as const;
export type NoteField = (typeof NOTE_FIELDS)[number];
export const NOTE_BYTES = NOTE_FIELDS.length * 8;

export const ROLES = ['log', 'replay', 'store', 'keeper'] as const;
export type Role = (typeof ROLES)[number];

export type Notes = Record<NoteField, number>;

/** @returns zeros where nothing was noted */
export function readNotes(folder: string, role: Role): Notes {
  const path = join(folder, role);
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  const value = (index: number) => (bytes.byteLength < NOTE_BYTES ? 0 : bytes.readDoubleLE(index * 8));
  return Object.fromEntries(NOTE_FIELDS.map((field, index) => [field, value(index)])) as Notes;
}

/** What a kill landed in; more than one of them at times: writes go on during a sync. */
export const STAGES = ['writing', 'syncing', 'rolling', 'recovering', 'replaying', 'keeping'] as const;
export type Stage = (typeof STAGES)[number];

export function stagesOf(folder: string): Stage[] {
  const notes = ROLES.map((role) => readNotes(folder, role));
  return STAGES.filter((stage) => notes.some((note) => note[stage] > 0));
}
