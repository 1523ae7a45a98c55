// What a user may write as --url.
import { expect, test } from 'vitest';
import { engineAddress } from '../../../host/client/address.ts';

test.each([
  ['ws://127.0.0.1:7340', 'ws://127.0.0.1:7340', 'http://127.0.0.1:7340', true],
  ['http://localhost:8080/', 'ws://localhost:8080', 'http://localhost:8080', true],
  ['engine:9000', 'ws://engine:9000', 'http://engine:9000', false],
  ['engine', 'ws://engine:7340', 'http://engine:7340', false],
  ['http://engine:80', 'ws://engine', 'http://engine', false],
  ['https://engine.example/pelton/', 'wss://engine.example/pelton', 'https://engine.example/pelton', false],
  ['[::1]:7340', 'ws://[::1]:7340', 'http://[::1]:7340', true],
])('%s is %s and %s', (written, ws, http, isLoopback) => {
  expect(engineAddress(written)).toEqual({ ws, http, isLoopback });
});

test.each(['', 'ftp://engine', 'ws://', 'ws://engine:port', 'a b'])('«%s» is refused', (written) => {
  expect(() => engineAddress(written)).toThrow(/is no engine's address/);
});
