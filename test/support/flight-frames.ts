// test/support/flight-frames.ts — flights as frames on the wire, in JSON or Arrow, in any order of rows.

import { writeArrow } from '../../host/encode/arrow-write.ts';
import type { Flights } from './data.ts';
import { seededRandom } from './random.ts';
import type { Frame } from './ws-producer.ts';
import type { ResultFormat } from './ws-subscriber.ts';

/** Rows 0 … count − 1, in order. */
export const inOrder = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, row) => row);

/**
 * Rows 0 … count − 1, each moved back by up to `boundMs` of event time: none comes when a row more than the bound
 * later has been seen, so with `delay: boundMs` none is late.
 */
export function shuffledWithin(flights: Flights, count: number, boundMs: number, seed: number): Uint32Array {
  const random = seededRandom(seed);
  const sendAt = Float64Array.from({ length: count }, (_, row) => flights.ts[row]! + random.float() * boundMs);
  return inOrder(count).sort((a, b) => sendAt[a]! - sendAt[b]!);
}

/** Frames of `rowsPerFrame` rows, made one at a time. */
export function* flightFrames(
  flights: Flights,
  rows: Uint32Array,
  rowsPerFrame: number,
  format: ResultFormat,
): Generator<Frame> {
  const encode = format === 'json' ? jsonFrame : arrowFrame;
  for (let from = 0; from < rows.length; from += rowsPerFrame) {
    yield encode(flights, rows.subarray(from, from + rowsPerFrame));
  }
}

function jsonFrame(flights: Flights, rows: Uint32Array): string {
  const { ts, origin, destination, delay, distance, airports } = flights;
  let lines = '';
  for (const row of rows) {
    lines += `{"ts":${ts[row]},"origin":"${airports[origin[row]!]}","destination":"${airports[destination[row]!]}",`;
    lines += `"delay":${delay[row]},"distance":${distance[row]}}\n`;
  }
  return lines;
}

function arrowFrame(flights: Flights, rows: Uint32Array): Uint8Array {
  const { ts, origin, destination, delay, distance, airports } = flights;
  const column = <T>(value: (row: number) => T) => Array.from(rows, value);
  return writeArrow([
    { name: 'ts', type: 'timestamp', values: column((row) => ts[row]!) },
    { name: 'origin', type: 'utf8', values: column((row) => airports[origin[row]!]!) },
    { name: 'destination', type: 'utf8', values: column((row) => airports[destination[row]!]!) },
    { name: 'delay', type: 'i32', values: column((row) => delay[row]!) },
    { name: 'distance', type: 'i32', values: column((row) => distance[row]!) },
  ]);
}

/** The frames dealt round to so many producers. */
export const dealt = (frames: readonly Frame[], producers: number): Frame[][] =>
  Array.from({ length: producers }, (_, producer) => frames.filter((_frame, index) => index % producers === producer));

/** Every other row, from `first` on. */
export const everyOther = (rows: Uint32Array, first: number): Uint32Array =>
  rows.filter((_row, index) => index % 2 === first);

/** Flights that nobody flew, in order of time over thirty days: for tests that must run without the real ones. */
export function randomFlights(seed: number, count: number): Flights {
  const random = seededRandom(seed);
  const airports = Array.from({ length: 200 }, (_, airport) => `A${airport.toString(36).padStart(2, '0')}`);
  const airport = () => Math.floor(random.float() ** 3 * airports.length);
  return {
    count,
    ts: Float64Array.from({ length: count }, () => 978_307_200_000 + random.below(30 * 24 * 60) * 60_000).sort(),
    origin: Uint16Array.from({ length: count }, airport),
    destination: Uint16Array.from({ length: count }, airport),
    delay: Int32Array.from({ length: count }, () => random.below(200) - 60),
    distance: Int32Array.from({ length: count }, () => random.below(3000)),
    airports,
  };
}
