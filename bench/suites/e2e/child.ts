// bench/suites/e2e/child.ts — the processes of an end-to-end bench: one question at a time over the IPC channel.
//
// A child answers each question with an object, or with { failed } and a reason. Its first word is unasked: it is ready.

import { type ChildProcess, fork } from 'node:child_process';

/** No answer of a bench takes this long: a run that hangs fails by name. */
const ANSWER_MS_MAX = 120_000;

export type Answer = Record<string, unknown>;

export class Child {
  private readonly process: ChildProcess;
  private readonly name: string;
  private answer!: { resolve: (answer: Answer) => void; reject: (error: Error) => void };

  private constructor(file: string, args: readonly string[]) {
    this.name = file;
    // The bench's stdout is its answer: what a child prints goes to stderr.
    this.process = fork(new URL(`./${file}`, import.meta.url), args, { stdio: ['ignore', 2, 2, 'ipc'] });
    this.process.on('message', (answer: Answer) => {
      if (typeof answer.failed === 'string') this.answer.reject(new Error(`${file}: ${answer.failed}`));
      else this.answer.resolve(answer);
    });
    this.process.on('exit', (code) => this.answer.reject(new Error(`${file} ended with ${code}`)));
  }

  /** Resolves with the child and its first word. */
  static async start(file: string, args: readonly string[] = []): Promise<{ child: Child; hello: Answer }> {
    const child = new Child(file, args);
    return { child, hello: await child.next() };
  }

  ask<A extends Answer>(question: object): Promise<A> {
    this.process.send(question);
    return this.next() as Promise<A>;
  }

  stop(): void {
    this.process.removeAllListeners('exit');
    this.process.kill();
  }

  /** Ends it as a crash would; resolves when it is gone. */
  kill(): Promise<void> {
    this.process.removeAllListeners('exit');
    const gone = new Promise<void>((resolve) => this.process.once('exit', () => resolve()));
    this.process.kill('SIGKILL');
    return gone;
  }

  private next(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${this.name}: no answer`)), ANSWER_MS_MAX);
      const settle = <T>(then: (value: T) => void) => {
        return (value: T) => {
          clearTimeout(late);
          then(value);
        };
      };
      this.answer = { resolve: settle(resolve), reject: settle(reject) };
    });
  }
}

/** The child's side: answers questions with what `handle` returns. */
export function answerQuestions(hello: Answer, handle: (question: Answer) => Answer | Promise<Answer>): void {
  process.on('message', async (question: Answer) => {
    try {
      process.send!(await handle(question));
    } catch (error) {
      process.send!({ failed: (error as Error).stack ?? String(error) });
    }
  });
  process.on('disconnect', () => process.exit(0));
  process.send!(hello);
}

/** Processor seconds of this process so far, all threads. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
