import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { stackLines } from '../cli/run-program.js';
import { type PrivateBroker, startPrivateBroker } from '../support/broker.js';
import { expectDone } from '../support/expect-done.js';
import { expectPlain } from '../support/expect-plain.js';
import { type FaultRuns, openFaultRuns } from '../support/fault-run.js';
import { quietRun, resumedRun } from '../support/fault-scenes.js';
import { temporaryFolder } from '../support/small-data.js';
import { endPrograms, startProgram } from '../support/start-program.js';

// A dozen starts of Node and of RabbitMQ take ten times as long on a machine that has other work.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let broker: PrivateBroker;
let runs: FaultRuns;
/** Model of the run that nothing happened to. */
let quiet: string;

beforeAll(async () => {
  broker = await startPrivateBroker();
  runs = await openFaultRuns(broker.url);
  quiet = await quietRun(runs, 'runs/quiet');
});
afterEach(endPrograms);
afterAll(async () => {
  await runs?.dispose();
  await broker?.stop();
});

/** Tasks of a run that the broker has given to a worker and that it has not acknowledged. */
async function tasksHeldBy(worker: string, out: string): Promise<number> {
  const { run }: { run: string } = JSON.parse(await readFile(join(runs.path, out, 'run.json'), 'utf8'));
  const held = await broker.evaluate(
    `lists:sum([N || C <- rabbit_amqqueue:consumers_all(<<"/">>),
      {resource, _, queue, <<"onko.run.${run}.tasks">>} <- [proplists:get_value(queue_name, C)],
      [{connection, R}, {messages_unacknowledged, N}] <-
        [rabbit_channel:info(proplists:get_value(channel_pid, C), [connection, messages_unacknowledged])],
      {<<"connection_name">>, _, <<"onko worker ${worker} (consumes)">>} <-
        proplists:get_value(client_properties, rabbit_reader:info(R, [client_properties]))])`,
  );
  return Number(held);
}

/** Stops the worker where it is, and kills it as soon as it is certain that it has a block in hand. */
async function killWithBlockInHand(
  worker: Awaited<ReturnType<FaultRuns['worker']>>,
  id: string,
  out: string,
): Promise<void> {
  worker.kill('SIGSTOP');
  while ((await tasksHeldBy(id, out)) === 0) await sleep(20);
  worker.kill('SIGKILL');
  expect((await worker.ended).signal).toBe('SIGKILL');
}

/** Trains until it is stopped in mid-run; → the steps of its checkpoints. */
async function stoppedRun(out: string): Promise<number[]> {
  const worker = await runs.worker('writer', ['--once']);
  const coordinator = await runs.coordinator(out);
  await coordinator.reaches(3);
  coordinator.kill('SIGTERM');
  expect((await coordinator.ended).code).toBe(143);
  await expectDone(worker);
  return runs.checkpoints(out);
}

describe('kill -9', () => {
  it('of a worker that has a block in hand: another one goes on', async () => {
    const out = 'runs/heir';
    const victim = await runs.worker('victim');
    const heir = await runs.worker('heir', ['--once']);
    const coordinator = await runs.coordinator(out, ['--min-workers', '2']);
    await coordinator.reaches(3);
    await killWithBlockInHand(victim, 'victim', out);
    await expectDone(coordinator, heir);
    expect(await runs.modelSha256(out)).toBe(quiet);
  });

  it('of the only worker: the coordinator waits for a new one', async () => {
    const out = 'runs/successor';
    const victim = await runs.worker('only');
    const coordinator = await runs.coordinator(out);
    await coordinator.reaches(3);
    await killWithBlockInHand(victim, 'only', out);
    const successor = await runs.worker('successor', ['--once']);
    await expectDone(coordinator, successor);
    expect(await runs.modelSha256(out)).toBe(quiet);
  });

  it('of the coordinator in mid-epoch: --resume goes on with the same worker', async () => {
    const out = 'runs/resumed';
    const worker = await runs.worker('faithful', ['--once']);
    const { coordinator } = await resumedRun(runs, out, {
      coordinator: await runs.coordinator(out),
      worker,
    });
    await expectDone(coordinator, worker);
    expect(await runs.modelSha256(out)).toBe(quiet);
  });
});

describe('a broker that goes away in mid-run', () => {
  it.each([
    { how: 'is restarted', hard: false },
    { how: 'breaks down', hard: true },
  ])('$how: both sides find it again', async ({ hard }) => {
    const out = hard ? 'runs/broken-down' : 'runs/restarted';
    const worker = await runs.worker('patient', ['--once']);
    const coordinator = await runs.coordinator(out);
    await coordinator.reaches(3);
    // So that the run is not over before the broker is.
    worker.kill('SIGSTOP');
    const restarted = broker.restart(2_000, { hard });
    await coordinator.says(/The connection to the broker is lost/);
    worker.kill('SIGCONT');
    await restarted;
    await expectDone(coordinator, worker);
    for (const side of [coordinator, worker]) expect(side.output()).toMatch(/Connected to RabbitMQ .* again/);
    expect(await runs.modelSha256(out)).toBe(quiet);
  });
});

describe('a machine with nothing on it', () => {
  it('takes part, given the URL alone; also where nothing can be written', async () => {
    const home = await temporaryFolder();
    const elsewhere = await temporaryFolder();
    const bare = startProgram('worker', ['start', '--broker', broker.url], {
      cwd: elsewhere.path,
      env: { HOME: home.path, ONKO_KERNELS: 'reference' },
    });
    // Where a file stands, not even root can make a folder.
    await writeFile(join(elsewhere.path, 'file'), '');
    const unwritable = startProgram('worker', ['start', '--broker', broker.url], {
      cwd: elsewhere.path,
      env: { HOME: join(elsewhere.path, 'file'), ONKO_KERNELS: 'reference' },
    });
    // The folder can be made, but no block fits on the disk.
    const fullHome = await temporaryFolder();
    const full = startProgram('worker', ['start', '--broker', broker.url], {
      cwd: elsewhere.path,
      env: { HOME: fullHome.path, ONKO_KERNELS: 'reference' },
      largestFileBlocks: 1,
    });
    const workers = [bare, unwritable, full];
    const coordinator = await runs.coordinator('runs/elsewhere', ['--min-workers', '3']);
    await expectDone(coordinator);
    expect(await runs.modelSha256('runs/elsewhere')).toBe(quiet);
    for (const worker of workers) {
      await worker.says(/Run \S+ is over/);
      worker.kill('SIGTERM');
      await expectDone(worker);
      expect(Number(/images=(\d+)/.exec(worker.output())?.[1])).toBeGreaterThan(0);
    }
    expect(unwritable.output()).toContain('kept in memory');
    expect(full.output()).toContain('kept in memory');
    for (const folder of [home, elsewhere, fullHome]) await folder.dispose();
  });
});

describe('orderly ends', () => {
  it('a worker hands in, a second coordinator is refused, the first one says how to go on', async () => {
    const out = 'runs/orderly';
    const leaving = await runs.worker('leaving');
    const staying = await runs.worker('staying', ['--once']);
    const coordinator = await runs.coordinator(out, ['--min-workers', '2']);
    await coordinator.reaches(2);

    leaving.kill('SIGTERM');
    staying.kill('SIGSTOP');
    await expectDone(leaving);
    expect(leaving.output()).toContain('Draining: SIGTERM');
    await coordinator.says(/Worker leaving.* left \(SIGTERM\): 1 worker in all/);

    const second = await runs.coordinator(out, ['--resume', '--log-level', 'error']);
    expectPlain(await second.ended, 4, /already has a coordinator on this broker/);

    coordinator.kill('SIGTERM');
    staying.kill('SIGCONT');
    const end = await coordinator.ended;
    expect({ code: end.code, stack: stackLines(end.stderr) }, end.stderr).toEqual({ code: 143, stack: [] });
    expect(end.stdout).toMatch(/Go on with +coordinator start --broker amqp:.* --out runs\/orderly --resume/);
    const [stopped = 0] = (await runs.checkpoints(out)).slice(-1);
    expect(stopped).toBeGreaterThan(1);
    await expectDone(staying);

    const heir = await runs.worker('heir', ['--once']);
    const resumed = await runs.coordinator(out, ['--resume']);
    await resumed.says(new RegExp(`Going on with run \\S+ after step ${stopped} `));
    await expectDone(resumed, heir);
    expect(await runs.modelSha256(out)).toBe(quiet);
  });
});

describe('a full disk', () => {
  it('for the run folder: code 7, and the checkpoint before is whole', async () => {
    const out = 'runs/full';
    const before = await stoppedRun(out);
    const worker = await runs.worker('continuing');
    const cramped = await runs.coordinator(out, ['--resume', '--log-level', 'error'], {
      largestFileBlocks: 16,
    });
    expectPlain(await cramped.ended, 7, /^Cannot write \S+: .*\.$/m);
    expect(await runs.checkpoints(out)).toEqual(before);

    const roomy = await runs.coordinator(out, ['--resume']);
    await expectDone(roomy);
    worker.kill('SIGTERM');
    await expectDone(worker);
    expect(await runs.modelSha256(out)).toBe(quiet);
  });
});
