import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type TestVhost, testVhost } from '../support/broker.js';
import { expectDone } from '../support/expect-done.js';
import { type FaultRuns, openFaultRuns } from '../support/fault-run.js';
import { quietRun, resumedRun } from '../support/fault-scenes.js';
import { endPrograms } from '../support/start-program.js';

// A dozen starts of Node and of RabbitMQ take ten times as long on a machine that has other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let broker: TestVhost;
let runs: FaultRuns;
/** Model of the run that nothing happened to, without reducers. */
let quiet: string;

beforeAll(async () => {
  broker = await testVhost();
  runs = await openFaultRuns(broker.url);
  quiet = await quietRun(runs, 'runs/quiet');
});
afterEach(endPrograms);
afterAll(async () => {
  await runs?.dispose();
  await broker?.dispose();
});

describe('a run with reducers, as processes', () => {
  it('has the bits of one without, with two reducers and three workers', async () => {
    const out = 'runs/reduced';
    const coordinator = await runs.coordinator(out, ['--reducers', '2', '--min-workers', '3']);
    const summing = [await runs.reducer('r0', ['--once']), await runs.reducer('r1', ['--once'])];
    const working = [];
    for (const id of ['w0', 'w1', 'w2']) working.push(await runs.worker(id, ['--once']));
    await expectDone(coordinator, ...summing, ...working);
    for (const one of summing) expect(one.output()).toMatch(/the reducer is done.* sums=[1-9]/);
    expect(await runs.modelSha256(out)).toBe(quiet);
  });

  it('waits for a new reducer when one is killed, and does not mind a worker that is', async () => {
    const out = 'runs/bereft';
    const coordinator = await runs.coordinator(out, ['--reducers', '2', '--min-workers', '2']);
    const [stays, dies] = [await runs.reducer('stays', ['--once']), await runs.reducer('dies')];
    const [victim, heir] = [await runs.worker('victim'), await runs.worker('heir', ['--once'])];
    await coordinator.reaches(3);
    dies.kill('SIGKILL');
    await coordinator.says(/Reducer dies on \S+ of range \d is gone/);
    const comes = await runs.reducer('comes', ['--once']);
    await comes.says(/Summing range \d of 2/);
    const step = await coordinator.metric('onko_step');
    await coordinator.reaches(step + 2);
    victim.kill('SIGKILL');
    await expectDone(coordinator, stays, comes, heir);
    expect(await runs.modelSha256(out)).toBe(quiet);
  });

  it('goes on after the coordinator was killed, with another number of reducers', async () => {
    const out = 'runs/resumed';
    const worker = await runs.worker('faithful', ['--once']);
    const adder = await runs.reducer('adder', ['--once']);
    const first = await runs.coordinator(out, ['--reducers', '1']);
    const another = await runs.reducer('another', ['--once']);
    const killed = { coordinator: first, worker };
    const { coordinator } = await resumedRun(runs, out, killed, ['--reducers', '2']);
    await expectDone(coordinator, worker, adder, another);
    expect(await runs.modelSha256(out)).toBe(quiet);
  });
});
