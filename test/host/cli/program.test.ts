// Wrong calls of `pelton`, and what its help says.
import { expect, test } from 'vitest';
import { EXIT_CODES } from '../../../host/cli/exit-codes.ts';
import { pelton } from '../../support/cli.ts';

test.each([
  [['sned'], "pelton: unknown command 'sned' (Did you mean send?)\n  «pelton --help» shows how it is called\n"],
  [
    ['send', 'flights', 'a.csv', '--raet', '5'],
    "pelton send: unknown option '--raet' (Did you mean --rate?)\n  «pelton send --help» shows how it is called\n",
  ],
  [
    ['send', 'flights'],
    "pelton send: missing required argument 'file'\n  «pelton send --help» shows how it is called\n",
  ],
  [
    ['tail', 'x', '--limit', '0'],
    "pelton tail: option '--limit <rows>' argument '0' is invalid. Expected an integer from 1.\n  «pelton tail --help» shows how it is called\n",
  ],
  [
    ['tail', 'x', '--url', 'ftp://somewhere'],
    "pelton tail: option '--url <url>' argument 'ftp://somewhere' is invalid. «ftp://somewhere» is no engine's address; expected something like ws://127.0.0.1:7340, http://host:port or host:port\n  «pelton tail --help» shows how it is called\n",
  ],
])('%j is answered in two lines, with 64', async (args, said) => {
  const { exitCode, stdout, stderr } = await pelton(args);
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 64, stdout: '', stderr: said });
});

test('no command at all shows the commands, with 64', async () => {
  const { exitCode, stderr } = await pelton([]);
  expect(stderr).toMatch(/send .*\n +tail /);
  expect(exitCode).toBe(64);
});

test('help of a command has its options, examples, and every exit code', async () => {
  const { exitCode, stdout, stderr } = await pelton(['send', '--help']);
  for (const option of [
    '--url',
    '--format',
    '--rate',
    '--end',
    '--json',
    '--frame-rows',
    '--frame-bytes',
    '--producer',
  ]) {
    expect(stdout).toContain(option);
  }
  expect(stdout).toContain('Examples:');
  for (const [code, meaning] of EXIT_CODES) expect(stdout).toContain(`${code}  ${meaning}`);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
});

test('a file without rows for us, a missing file and an engine that is not there have codes of their own', async () => {
  expect((await pelton(['send', 'flights', 'README.txt'])).exitCode).toBe(64);
  const missing = await pelton(['send', 'flights', 'nowhere.csv']);
  expect(missing).toMatchObject({
    exitCode: 74,
    stderr: 'pelton send: cannot open nowhere.csv: there is no such file\n',
  });
  const absent = await pelton(['send', 'flights', '-', '--url', '127.0.0.1:1'], { stdin: '{}' });
  expect(absent.stderr).toMatch(/^pelton send: cannot reach an engine at ws:\/\/127\.0\.0\.1:1: .*\n {2}start one/);
  expect(absent.exitCode).toBe(69);
});

test('--version is the package’s', async () => {
  const { stdout, exitCode } = await pelton(['--version']);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(exitCode).toBe(0);
});
