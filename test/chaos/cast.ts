import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningProgram } from '../support/start-program.js';
import type { Link } from './links.js';
import { coordinatorName } from './schedule.js';
import type { Stage } from './stage.js';

/** A process with a way of its own to the broker. */
export interface Player {
  name: string;
  program: RunningProgram;
  link: Link;
  /** We killed it or sent it home: its end is no surprise. */
  expectsEnd: boolean;
}

/** Everybody who plays in one schedule, and what they said. */
export class Cast {
  readonly #stage: Stage;
  readonly #out: string;
  readonly #tell: (line: string) => void;
  readonly #links = new Map<string, Link>();
  /** Of every process that was ever started, in order. */
  readonly played: Player[] = [];
  readonly workers = new Map<string, Player>();
  coordinator: Player | null = null;
  /** First thing that went wrong. */
  failure: string | null = null;
  /** Steps done, as the coordinators said. */
  step = 0;

  constructor(stage: Stage, out: string, tell: (line: string) => void) {
    this.#stage = stage;
    this.#out = out;
    this.#tell = tell;
  }

  fail(what: string): void {
    this.#tell(`FAILED: ${what}`);
    this.failure ??= what;
  }

  /** The way of somebody, which stays as it is when the process behind it is started again. */
  async linkOf(name: string): Promise<Link> {
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const link = await this.#stage.openLink(name === coordinatorName ? 'coordinator' : 'worker');
    this.#links.set(name, link);
    return link;
  }

  async startCoordinator(resume: boolean): Promise<Player> {
    const link = await this.linkOf(coordinatorName);
    const args = ['--broker', link.brokerUrl, ...this.#stage.args, ...(resume ? ['--resume'] : [])];
    const program = await this.#stage.runs.coordinator(this.#out, [...args, '--verbose'], {
      through: link.through,
    });
    this.coordinator = this.#enter(coordinatorName, program, link);
    return this.coordinator;
  }

  async startWorker(name: string): Promise<Player> {
    const link = await this.linkOf(name);
    const args = ['--broker', link.brokerUrl, '--broker-wait', '120'];
    const program = await this.#stage.runs.worker(name, args, { through: link.through });
    const player = this.#enter(name, program, link);
    this.workers.set(name, player);
    void this.#noticeEnd(player);
    return player;
  }

  #enter(name: string, program: RunningProgram, link: Link): Player {
    const player: Player = { name, program, link, expectsEnd: false };
    this.played.push(player);
    return player;
  }

  async #noticeEnd(player: Player): Promise<void> {
    const { name, program } = player;
    const { code, signal } = await program.ended;
    if (this.workers.get(name) === player) this.workers.delete(name);
    if (!player.expectsEnd) this.fail(`${name} ended with ${signal ?? code} although nobody told it to`);
  }

  /** Asks the coordinator of the moment how far it is; it may be away, frozen or cut off. */
  async look(): Promise<void> {
    const url = /metrics are served url=(\S+)/.exec(this.coordinator?.program.output() ?? '')?.[1];
    if (url === undefined) return;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
      const step = /^onko_step\{[^}]*\} (\d+)$/m.exec(await response.text())?.[1];
      this.step = Math.max(this.step, Number(step ?? 0));
    } catch {
      // Later, then.
    }
  }

  /** Sends the rest home. Each must end with 0. */
  async sendHome(withinMs: number): Promise<void> {
    const rest = [...this.workers.values()];
    for (const player of rest) {
      player.expectsEnd = true;
      player.program.kill('SIGTERM');
    }
    const late = sleep(withinMs, 'late', { ref: false });
    for (const { name, program } of rest) {
      const end = await Promise.race([program.ended, late]);
      if (end === 'late') this.fail(`${name} does not end`);
      else if (typeof end !== 'string' && end.code !== 0 && end.code !== 143)
        this.fail(`${name} ended with ${end.signal ?? end.code}`);
    }
  }

  async close(): Promise<void> {
    for (const player of this.played) {
      player.expectsEnd = true;
      player.program.kill('SIGKILL');
    }
    await Promise.all(this.played.map(({ program }) => program.ended));
    for (const link of this.#links.values()) await link.close();
  }
}
