// `pelton send` as a user runs it: what reaches the engine, what is said, and the exit code.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { tableFromIPC } from '@uwdata/flechette';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeArrow } from '../../../host/encode/arrow-write.ts';
import { pelton } from '../../support/cli.ts';
import { FakeEngine, type FakeOptions } from '../../support/fake-engine.ts';
import { StoringEngine } from '../../support/storing-engine.ts';

let engine: FakeEngine;
let folder: string;
const start = async (options: FakeOptions = {}) => {
  engine = await FakeEngine.start(options);
};
const file = (name: string, content: string | Uint8Array) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const send = (path: string, ...options: string[]) => pelton(['send', 'flights', path, '--url', engine.url, ...options]);
const sendText = (stdin: string | Buffer, ...options: string[]) =>
  pelton(['send', 'flights', '-', '--url', engine.url, ...options], { stdin });
const arrowRows = () =>
  engine.frames.flatMap(({ bytes }) => tableFromIPC(bytes, { useBigInt: true }).toArray() as Record<string, unknown>[]);
const arrowCount = (frame: { bytes: Buffer }) => tableFromIPC(frame.bytes).numRows;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pelton-send-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await engine?.stop();
});

describe('ndjson', () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => `{"n":${n},"text":"é€😀 ${'x'.repeat(n % 50)}"}`);

  test.each([
    ['rows.ndjson', (text: string) => Buffer.from(text)],
    ['rows.ndjson.gz', (text: string) => gzipSync(text)],
    ['rows.jsonl.zst', (text: string) => zstdCompressSync(text)],
  ])('every line of %s arrives once and in order', async (name, pack) => {
    await start();
    const { exitCode, stderr, stdout } = await send(file(name, pack(rows.join('\n'))));
    expect(stderr).toMatch(/^20,000 rows acknowledged/);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
    expect(engine.lines).toEqual(rows);
    expect(engine.frames.length).toBeGreaterThan(3);
  });

  test('lines from a pipe leave when they come, not when a frame is full', async () => {
    await start();
    const run = pelton(['send', 'flights', '-', '--url', engine.url], {
      during: async (child) => {
        child.stdin!.write('{"n":1}\n{"n":');
        await engine.until(() => engine.frames.length === 1);
        child.stdin!.end('2}');
      },
    });
    expect((await run).exitCode).toBe(0);
    expect(engine.lines).toEqual(['{"n":1}', '{"n":2}']);
  });

  test('frames keep their bounds', async () => {
    await start();
    await sendText(`${rows.slice(0, 100).join('\n')}\n`, '--frame-rows', '30');
    expect(engine.frames.map(({ bytes }) => bytes.toString().trim().split('\n').length)).toEqual([30, 30, 30, 10]);
  });

  test('a line that begins with ! is a row like any other, not a control message', async () => {
    await start();
    await sendText('!end\n{"n":1}\n');
    expect(engine.controls).toEqual([]);
    expect(engine.lines).toHaveLength(2);
  });
});

describe('csv', () => {
  test('cells take the types of the stream, and an empty one is null', async () => {
    await start({ rowsOf: arrowCount });
    const { exitCode, stderr } = await send(
      file(
        'rows.csv',
        'delay,origin,unread,ts_ms,destination\n-5,ORD,x,978307260000,\n,"S,F ""O""\n",y,2001-01-01T00:02:00Z,""\r\n',
      ),
    );
    expect(stderr).toMatch(/^2 rows acknowledged/);
    expect(exitCode).toBe(0);
    expect(arrowRows()).toEqual([
      { ts_ms: 978307260000, origin: 'ORD', destination: null, delay: -5 },
      { ts_ms: 978307320000, origin: 'S,F "O"\n', destination: '', delay: null },
    ]);
  });

  test('a cell of another type rejects its row by number and name, and its neighbours are sent', async () => {
    await start({ rowsOf: arrowCount });
    const { exitCode, stderr } = await sendText(
      'ts_ms,origin,delay\n1,A,1\n2,B,1.5\n3,C,3000000000\nx,D,4\n5,E,5,5\n6,F,6\n',
      '--format',
      'csv',
    );
    expect(exitCode).toBe(1);
    expect(arrowRows().map(({ origin }) => origin)).toEqual(['A', 'F']);
    expect(stderr).toMatch(/row 2: TYPE delay: "1\.5" is no i32/);
    expect(stderr).toMatch(/row 3: TYPE delay: "3000000000" is no i32/);
    expect(stderr).toMatch(/row 4: TYPE ts_ms: "x" is no timestamp/);
    expect(stderr).toMatch(/row 5: CSV: 4 cells, the header has 3/);
  });
});

describe('arrow', () => {
  const stream = (from: number, to: number, batchRowsMax = 100) =>
    writeArrow([{ name: 'ts_ms', type: 'i64', values: Array.from({ length: to - from }, (_, n) => from + n) }], {
      batchRowsMax,
    });

  test('several streams become frames that are complete streams, with every row once and in order', async () => {
    await start({ rowsOf: arrowCount });
    const path = file('rows.arrows', Buffer.concat([stream(0, 1000), stream(1000, 1250)]));
    const { exitCode, stderr } = await send(path, '--frame-bytes', '3000');
    expect(stderr).toMatch(/^1,250 rows acknowledged/);
    expect(exitCode).toBe(0);
    expect(engine.frames.every(({ bytes, text }) => !text && bytes.length <= 3000)).toBe(true);
    expect(arrowRows().map(({ ts_ms }) => Number(ts_ms))).toEqual(Array.from({ length: 1250 }, (_, n) => n));
  });
});

describe('what is said', () => {
  test('what is wrong with the input is said after the rows before it are acknowledged, with 65', async () => {
    await start({ frameBytesMax: 65536 });
    const long = `{"n":"${'x'.repeat(70_000)}"}`;
    const { exitCode, stderr } = await send(file('rows.ndjson', `{"n":1}\n{"n":2}\n${long}\n`), '--frame-rows', '1');
    expect(stderr).toMatch(/^pelton send: line 3 is longer than 65536 bytes.*\n.*\n2 rows acknowledged/);
    expect(exitCode).toBe(65);
    expect(engine.lines).toEqual(['{"n":1}', '{"n":2}']);
  });

  test('a packed file that is cut short is wrong input, not a short one', async () => {
    await start();
    const packed = gzipSync(Array.from({ length: 5000 }, (_, n) => `{"n":${n}}`).join('\n'));
    const { exitCode, stderr } = await send(file('rows.ndjson.gz', packed.subarray(0, packed.length - 100)));
    expect(stderr).toMatch(/rows\.ndjson\.gz does not unpack as gzip/);
    expect(exitCode).toBe(65);
  });

  test('--json: standard output holds JSON lines alone, standard error nothing, and the last line is done', async () => {
    await start({ rejectsOf: () => [{ row: 1, code: 'TYPE', column: 'delay', message: 'no i32' }] });
    const { exitCode, stdout, stderr } = await sendText('{"n":1}\n{"n":2}\n{"n":3}\n', '--json', '--frame-rows', '2');
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events[0]).toEqual({ event: 'reject', row: 2, code: 'TYPE', column: 'delay', message: 'no i32' });
    expect(events.at(-1)).toMatchObject({ event: 'done', rows: 1, rejected: 2, unacknowledged: 0, bytes: 24 });
    expect(Object.keys(events.at(-1)!)).toEqual(expect.arrayContaining(['seconds', 'rowsPerSecond']));
    expect(stderr).toBe('');
    expect(exitCode).toBe(1);
  });

  test('a reader of --json that goes away does not keep rows from being sent', async () => {
    await start({ rejectsOf: () => [{ row: 0, code: 'TYPE', column: null, message: 'x'.repeat(1000) }] });
    const { exitCode, stderr } = await pelton(
      ['send', 'flights', '-', '--url', engine.url, '--json', '--frame-rows', '1'],
      { stdin: '{}\n'.repeat(200), during: (child) => void child.stdout!.destroy() },
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(engine.frames).toHaveLength(200);
  });

  test('no bar and no colour reach a pipe', async () => {
    await start();
    const { stderr } = await sendText('{"n":1}\n');
    expect(stderr).toMatch(/^1 row acknowledged [^\n]*\n$/);
    expect(stderr).not.toContain('\x1b');
  });

  test('--end is said when everything is acknowledged, and not without it', async () => {
    await start();
    await sendText('{"n":1}\n');
    expect(engine.controls).toEqual([]);
    await sendText('{"n":1}\n', '--end');
    await engine.until(() => engine.controls.length > 0);
    expect(engine.controls).toEqual(['!end']);
  });

  test('--rate spreads rows over time', async () => {
    await start();
    const startMs = performance.now();
    await sendText('{}\n'.repeat(60), '--rate', '100');
    expect(performance.now() - startMs).toBeGreaterThan(500);
    expect(engine.frames.length).toBe(12);
  });

  test('a connection that is lost is said with what was acknowledged, and 1', async () => {
    await start({ acknowledgeAtOnce: false });
    const run = sendText('{"n":1}\n'.repeat(10), '--frame-rows', '2');
    await engine.until(() => engine.frames.length === 5);
    engine.acknowledge(3);
    setTimeout(() => engine.producers[0]!.terminate(), 50);
    const { exitCode, stderr } = await run;
    expect(stderr).toMatch(/frames up to 3 of 5 sent are acknowledged/);
    expect(stderr).toMatch(/6 rows acknowledged[\s\S]*4 rows sent and not acknowledged/);
    expect(exitCode).toBe(1);
  });

  test('Ctrl-C stops reading, says what is acknowledged, and ends with 130', async () => {
    await start();
    const { exitCode, stderr } = await pelton(['send', 'flights', '-', '--url', engine.url], {
      during: async (child) => {
        child.stdin!.write('{"n":1}\n');
        await engine.until(() => engine.frames.length === 1);
        child.kill('SIGINT');
      },
    });
    expect(stderr).toMatch(/^interrupted[^\n]*\n1 row acknowledged/);
    expect(exitCode).toBe(130);
  });

  test('an engine that goes away is noticed while the input is silent', async () => {
    await start();
    const { exitCode, stderr } = await pelton(['send', 'flights', '-', '--url', engine.url], {
      during: async (child) => {
        child.stdin!.write('{"n":1}\n');
        await engine.until(() => engine.frames.length === 1);
        setTimeout(() => engine.producers[0]!.close(1012), 50);
      },
    });
    expect(stderr).toContain('the engine has stopped');
    expect(exitCode).toBe(70);
  });
});

describe('a connection that is lost', () => {
  const lines = Array.from({ length: 6 }, (_, n) => `{"n":${n}}\n`);
  let storing: StoringEngine;
  beforeEach(async () => {
    storing = await StoringEngine.start();
  });
  afterEach(() => storing.stop());
  const sendTo = (...options: string[]) =>
    pelton(['send', 'flights', '-', '--url', storing.url, '--frame-rows', '2', ...options], { stdin: lines.join('') });
  const cutOnce = () => {
    storing.meet = ({ point, connection, sequence }) =>
      point === 'stored' && connection === 1 && sequence === 2 ? 'cut' : undefined;
  };

  test('is found again by a named producer: every row is acknowledged and stored once, with 0', async () => {
    cutOnce();
    const { exitCode, stderr } = await sendTo('--producer', 'sensor-7', '--epoch', '3');
    expect(stderr).toMatch(/^the connection to the engine was lost.*trying again for 60 s\n6 rows acknowledged/);
    expect(exitCode).toBe(0);
    expect(storing.texts.join('')).toBe(lines.join(''));
    expect(storing.producers.get('sensor-7')?.epoch).toBe(3);
  });

  test('is found again under a made name when --retry-for says so, which holds no time back afterwards', async () => {
    cutOnce();
    const { exitCode } = await sendTo('--retry-for', '30', '--json');
    expect(exitCode).toBe(0);
    expect(storing.texts.join('')).toBe(lines.join(''));
    expect(storing.controls).toEqual(['!idle']);
  });

  test('by Ctrl-C: what is acknowledged and what is unknown is said, with 130', async () => {
    storing.acknowledgesAtOnce = false;
    const { exitCode, stderr } = await pelton(
      ['send', 'flights', '-', '--url', storing.url, '--frame-rows', '2', '--producer', 'sensor-7'],
      {
        during: async (child) => {
          child.stdin!.write(lines.join(''));
          await storing.until(() => storing.stored.length === 3);
          storing.acknowledge(1, { rows: 2 });
          child.kill('SIGINT');
        },
      },
    );
    expect(stderr).toMatch(/interrupted[^\n]*\n2 rows acknowledged[^\n]*\n {2}4 rows sent and not acknowledged/);
    expect(exitCode).toBe(130);
  });

  test('to an engine that comes back without its memory is no success', async () => {
    storing.meet = ({ point, connection, sequence }) => {
      if (point === 'open' && connection === 2) storing.producers.clear();
      return point === 'acked' && connection === 1 && sequence === 2 ? 'cut' : undefined;
    };
    const { exitCode, stdout } = await sendTo('--producer', 'sensor-7', '--json');
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({
      event: 'done',
      unacknowledged: 0,
      forgottenFrames: 2,
    });
    expect(exitCode).toBe(1);
  });
});
