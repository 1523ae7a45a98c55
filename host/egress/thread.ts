// host/egress/thread.ts — the egress worker: opens the job's file and stdout sinks, runs the body in its event loop.

import { workerData } from 'node:worker_threads';
import { Counters } from '../counters.ts';
import type { Plan } from '../plan/plan.ts';
import { Channel } from '../thread/channel.ts';
import { loadPlan } from '../thread/plan-of-job.ts';
import { tell, tellFailure } from '../thread/report.ts';
import { AsyncShell } from '../thread/shell-async.ts';
import { openDoorbells, type ThreadStart } from '../thread/start.ts';
import { EgressBody } from './body.ts';
import { FdSink } from './fd-sink.ts';
import type { ByteSink } from './sink.ts';
import { Subscriptions } from './subscriptions.ts';

const STEPS_PER_TURN = 256;

try {
  await run(workerData as ThreadStart);
} catch (error) {
  tellFailure(error);
}

async function run(start: ThreadStart): Promise<void> {
  const { topology, thread, limits, memories } = start;
  const plan = await loadPlan(start.jobUrl, start.planHash);
  const counters = new Counters(start.counters, thread);
  const doorbells = openDoorbells(start);
  let shell: AsyncShell | undefined;
  const mode = start.log === null ? 'append' : 'again';
  const byteSinks = await openSinks(plan, mode, () => shell?.wake());
  const listeners = start.results.map(
    ({ buffer, place }, listener) => new Channel(buffer, place, doorbells[listener]!),
  );
  const sinkCount = plan.outputs.reduce((sum, { sinks }) => sum + sinks.length, 0);
  const body = new EgressBody({
    plan,
    topology,
    limits,
    memories,
    doorbells,
    listeners,
    byteSinks,
    subscriptions: new Subscriptions(start.subscriptions, sinkCount),
    counters,
    outputEnded: (output) => tell({ type: 'outputEnded', output }),
  });
  const whenDone = () => {
    Promise.all([...byteSinks.values()].map((sink) => sink.flush())).then(() => {
      tell({ type: 'done', openRows: 0 });
      clearInterval(alive);
    }, tellFailure);
  };
  // A wait on the doorbell alone does not keep a thread's event loop alive.
  const alive = setInterval(() => counters.add('beats', 1), 100);
  shell = new AsyncShell({
    body,
    doorbell: doorbells[thread]!,
    stepsPerTurn: STEPS_PER_TURN,
    counters,
    whenDone,
    whenFailed: tellFailure,
  });
  shell.wake();
  tell({ type: 'ready' });
}

async function openSinks(plan: Plan, mode: 'append' | 'again', whenRoom: () => void): Promise<Map<number, ByteSink>> {
  const sinks = new Map<number, ByteSink>();
  for (const [index, sink] of plan.outputs.flatMap((output) => output.sinks).entries()) {
    const options = { name: sink.name, whenRoom, failed: tellFailure };
    if (sink.kind === 'ndjsonFile') sinks.set(index, await FdSink.file(sink.path, mode, options));
    if (sink.kind === 'stdout') sinks.set(index, FdSink.stdout(options));
  }
  return sinks;
}
