import { setTimeout as sleep } from 'node:timers/promises';
import { startProgram } from '../support/start-program.js';
import { Cast, type Player } from './cast.js';
import { type Act, type ChaosSchedule, coordinatorName, describeAct, type Moment } from './schedule.js';
import type { Stage } from './stage.js';

export interface ChaosOutcome {
  seed: number;
  /** null if everything held. */
  failure: string | null;
  seconds: number;
  /** Acts that the run did not end before. */
  performed: number;
  coordinatorStarts: number;
  timeline: string[];
  /** What every process said, by its name and number. */
  logs: { name: string; text: string }[];
}

/** However much happens: a run that takes longer has got stuck. */
const runWithinMs = 300_000;
const homeWithinMs = 60_000;
/** A coordinator that finds its run taken, or no broker, is started again by whoever looks after it, this often. */
const refusalsAllowed = 20;

/** Plays a schedule on true processes and a true broker, and compares the model with that of the quiet run. */
export async function perform(
  schedule: ChaosSchedule,
  stage: Stage,
  onLine: (line: string) => void = () => undefined,
): Promise<ChaosOutcome> {
  const startMs = performance.now();
  const timeline: string[] = [];
  const out = `runs/chaos-${schedule.seed}`;
  const tell = (what: string): void => {
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1).padStart(6);
    const line = `t=${seconds} s  step ${String(cast.step).padStart(3)}  ${what}`;
    timeline.push(line);
    onLine(line);
  };
  const cast = new Cast(stage, out, tell);
  const over = new AbortController();
  const play = new Play(cast, stage, tell, over.signal);
  let performed = 0;
  try {
    const run = superviseCoordinator(cast, play, tell).finally(() => over.abort());
    for (const worker of schedule.workers) await cast.startWorker(worker);
    tell(`starts with ${schedule.workers.join(', ')}`);
    performed = await playAll(schedule.moments, cast, play, over.signal);
    await play.mended();
    if (cast.workers.size === 0 && !over.signal.aborted) {
      tell('nobody is left: a helper joins');
      await cast.startWorker('helper');
    }
    const late = new AbortController();
    const stuck = sleep(runWithinMs, 'stuck', { signal: late.signal }).catch(() => 'ended');
    if ((await Promise.race([run, stuck])) === 'stuck') cast.fail(`the run got stuck at step ${cast.step}`);
    late.abort();
    if (cast.failure === null) {
      await cast.sendHome(homeWithinMs);
      const model = await stage.runs.modelSha256(out);
      if (model !== stage.quiet)
        cast.fail(`the model has SHA-256 ${model}, that of the quiet run ${stage.quiet}`);
      else tell('the model has the bits of the quiet run');
    }
  } catch (error) {
    cast.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    over.abort();
    await play.mended();
    await cast.close();
  }
  return {
    seed: schedule.seed,
    failure: cast.failure,
    seconds: (performance.now() - startMs) / 1000,
    performed,
    coordinatorStarts: cast.played.filter(({ name }) => name === coordinatorName).length,
    timeline,
    logs: cast.played.map(({ name, program }, i) => ({ name: `${i}-${name}`, text: program.output() })),
  };
}

/** Starts coordinators until the run is over. */
async function superviseCoordinator(cast: Cast, play: Play, tell: (line: string) => void): Promise<void> {
  for (let starts = 0, refusals = 0; cast.failure === null; starts++) {
    const { program } = await cast.startCoordinator(starts > 0);
    if (starts > 0) tell('the coordinator is started with --resume');
    const { code, signal, stderr } = await program.ended;
    if (code === 0) return tell('the run is finished');
    const killed = play.takeKill(program.pid);
    if (killed !== null) {
      await sleep(killed);
      continue;
    }
    if (code !== 4 || ++refusals > refusalsAllowed) {
      cast.fail(`the coordinator ended with ${signal ?? code}: ${stderr.trim()}`);
      return;
    }
    tell(`the coordinator ended with 4: ${stderr.trim().split('\n').at(-1) ?? ''}`);
    await sleep(1_000);
  }
}

/** Performs each moment when it has come; → how many came before the end of the run. */
async function playAll(
  moments: readonly Moment[],
  cast: Cast,
  play: Play,
  over: AbortSignal,
): Promise<number> {
  let performed = 0;
  const deadlineMs = performance.now() + runWithinMs;
  for (const { step, afterMs, act } of moments) {
    for (await cast.look(); cast.step < step && !over.aborted; await cast.look()) {
      await sleep(20);
      if (performance.now() > deadlineMs) {
        cast.fail(`the run got stuck at step ${cast.step}`);
        return performed;
      }
      await play.keepSomebody();
    }
    await sleep(afterMs, undefined, { signal: over }).catch(() => undefined);
    if (over.aborted || cast.failure !== null) return performed;
    await play.act(act);
    performed += 1;
  }
  return performed;
}

/** Does what the schedule says, and undoes it when its time is over, or when the run is. */
class Play {
  readonly #cast: Cast;
  readonly #stage: Stage;
  readonly #tell: (line: string) => void;
  readonly #over: AbortSignal;
  readonly #mending = new Set<Promise<void>>();
  /** Coordinators that we killed, by pid, and after how long the next one starts. */
  readonly #killed = new Map<number, number>();

  constructor(cast: Cast, stage: Stage, tell: (line: string) => void, over: AbortSignal) {
    this.#cast = cast;
    this.#stage = stage;
    this.#tell = tell;
    this.#over = over;
  }

  takeKill(pid: number): number | null {
    return this.#killed.get(pid) ?? null;
  }

  /** Whatever was done is undone. */
  async mended(): Promise<void> {
    while (this.#mending.size > 0) await Promise.all(this.#mending);
  }

  /** Workers that were drained may all be gone before the next one is due, if the run is to reach its step first. */
  async keepSomebody(): Promise<void> {
    if (this.#cast.workers.size > 0 || this.#over.aborted) return;
    this.#tell('nobody is left: a helper joins');
    await this.#cast.startWorker(`helper-${this.#cast.played.length}`);
  }

  async act(act: Act): Promise<void> {
    this.#tell(describeAct(act));
    const { workers } = this.#cast;
    switch (act.type) {
      case 'kill': {
        const player = workers.get(act.worker);
        if (player === undefined) return;
        player.expectsEnd = true;
        player.program.kill('SIGKILL');
        await player.program.ended;
        return;
      }
      case 'freeze': {
        const player = act.who === coordinatorName ? this.#cast.coordinator : workers.get(act.who);
        player?.program.kill('SIGSTOP');
        return this.#later(act.forMs, `${act.who} goes on`, async () => player?.program.kill('SIGCONT'));
      }
      case 'cut': {
        const link = await this.#cast.linkOf(act.who);
        await link.cut(act.how);
        return this.#later(act.forMs, `the link of ${act.who} is back`, () => link.mend());
      }
      case 'slow': {
        const link = await this.#cast.linkOf(act.who);
        await link.slow(act.bytesPerSecond);
        return this.#later(act.forMs, `the link of ${act.who} is fast again`, () => link.mend());
      }
      case 'join':
        await this.#cast.startWorker(act.worker);
        return;
      case 'drain':
        return this.#drain(act.worker, act.by);
      case 'kill_coordinator': {
        const program = this.#cast.coordinator?.program;
        if (program === undefined) return;
        this.#killed.set(program.pid, act.againAfterMs);
        program.kill('SIGKILL');
        return;
      }
      case 'restart_broker':
        return this.#later(0, 'the broker is back', () =>
          this.#stage.broker.restart(act.downMs, { hard: act.hard }),
        );
      default:
        throw new TypeError(`Not an act: ${JSON.stringify(act satisfies never)}`);
    }
  }

  #drain(worker: string, by: 'signal' | 'command'): void {
    const player = this.#cast.workers.get(worker);
    if (player === undefined) return;
    player.expectsEnd = true;
    void this.#seeOff(player);
    if (by === 'signal') {
      player.program.kill('SIGTERM');
      return;
    }
    void this.#askToLeave(player);
  }

  async #seeOff({ name, program }: Player): Promise<void> {
    const { code, signal } = await program.ended;
    if (code === 0) this.#tell(`${name} has ended`);
    // A later act, or the very end, may kill it before it has handed everything in; and one that had not begun yet says 143.
    else if (signal === null && code !== 143) this.#cast.fail(`${name} was drained and ended with ${code}`);
  }

  async #askToLeave({ name, program }: Player): Promise<void> {
    const { path } = this.#stage.runs;
    const args = ['drain', name, '--wait', '0', '--broker', this.#stage.broker.url];
    const { code } = await startProgram('onko', args, { cwd: path, env: { HOME: path } }).ended;
    // It is not to be reached at the moment: somebody goes there.
    if (code !== 0) program.kill('SIGTERM');
  }

  #later(afterMs: number, what: string, mend: () => Promise<unknown>): void {
    const mended = sleep(afterMs, undefined, { signal: this.#over })
      .catch(() => undefined)
      .then(mend)
      .then(() => this.#tell(what))
      .catch((error: unknown) => this.#cast.fail(`${what}, but: ${String(error)}`))
      .finally(() => this.#mending.delete(mended));
    this.#mending.add(mended);
  }
}
