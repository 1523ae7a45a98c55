// host/cli/option.ts — options that several commands share, and how their values are read.

import { InvalidArgumentError, Option } from 'commander';
import { DEFAULT_URL, engineAddress } from '../client/address.ts';

export function urlOption(): Option {
  return new Option('--url <url>', 'where the engine is: ws://, http://, or host:port')
    .default(DEFAULT_URL)
    .argParser((written) => {
      try {
        engineAddress(written);
        return written;
      } catch (error) {
        throw new InvalidArgumentError((error as Error).message);
      }
    });
}

export function positiveInteger(written: string): number {
  const value = Number(written);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected an integer from 1.');
}

export function wholeNumber(written: string): number {
  const value = Number(written);
  if (Number.isSafeInteger(value) && value >= 0 && written.trim() !== '') return value;
  throw new InvalidArgumentError('Expected an integer from 0.');
}

export function seconds(written: string): number {
  const value = Number(written);
  if (Number.isFinite(value) && value >= 0 && written.trim() !== '') return value;
  throw new InvalidArgumentError('Expected seconds, 0 or more.');
}

export function positiveNumber(written: string): number {
  const value = Number(written);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

/** Offsets by partition, as JSON. */
export function offsets(written: string): Record<string, number> {
  try {
    const value = JSON.parse(written) as Record<string, unknown>;
    const isRight = ([name, offset]: [string, unknown]) =>
      /^\d+$/.test(name) && Number.isSafeInteger(offset) && Number(offset) >= 0;
    if (value !== null && !Array.isArray(value) && typeof value === 'object' && Object.entries(value).every(isRight)) {
      return value as Record<string, number>;
    }
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError('Expected a JSON object of offsets by partition, like {"0":118,"1":97}.');
}
