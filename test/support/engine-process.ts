// test/support/engine-process.ts — one engine in a process of its own: `ready PORT`, then `stopped …` or `failed …`.
//
// The process is not told to exit: that it ends by itself is part of what is tested. SIGTERM stops it gracefully.

import { Engine, type EngineOptions } from '../../host/engine/engine.ts';

const { job, ...options } = JSON.parse(process.argv[2]!) as { job: string } & Omit<EngineOptions, 'jobUrl'>;
const say = (line: string) => void process.stderr.write(`${line}\n`);
try {
  const engine = await Engine.start({ memoryBytes: 2 ** 28, ...options, jobUrl: new URL(job, import.meta.url).href });
  process.on('SIGTERM', () => void engine.stop());
  say(`ready ${engine.port}`);
  const { openRows } = await engine.ended;
  process.removeAllListeners('SIGTERM');
  say(`stopped ${openRows}`);
} catch (error) {
  process.removeAllListeners('SIGTERM');
  const { name, code, message } = error as { name: string; code?: string; message: string };
  say(`failed ${name} ${code ?? ''} ${message}`);
  process.exitCode = 1;
}
