import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from './private-broker.js';
import { testProgram } from './program.js';

export interface Series {
  metric: Record<string, string>;
  /** Seconds since 1970, and the value as text; NaN and +Inf are values, too. */
  samples: [number, string][];
}

/** A Prometheus server of our own. */
export interface TestPrometheus {
  url: string;
  /** What is so now. */
  query(expr: string): Promise<Series[]>;
  /** From `startMs` (since 1970) until now, a second apart. */
  queryRange(expr: string, startMs: number): Promise<Series[]>;
  /** Values of a label among the series that a selector finds. */
  labelValues(selector: string, label: string): Promise<string[]>;
  /** Targets that could not be scraped, and why. */
  complaints(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Starts a server below `folder` with the configuration given (YAML or JSON). Half a second. */
export async function startPrometheus(folder: string, configuration: string): Promise<TestPrometheus> {
  const program = await testProgram('prometheus');
  const [port = 0] = await freePorts(1);
  await writeFile(join(folder, 'prometheus.yml'), configuration);
  const child = spawn(
    program,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4_000);
  });
  const url = `http://127.0.0.1:${port}`;

  type Found = { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] };
  const ask = async (path: string, parameters: Record<string, string>): Promise<Series[]> => {
    const response = await fetch(`${url}/api/v1/${path}`, {
      method: 'POST',
      body: new URLSearchParams(parameters),
    });
    const answer: { data?: { result: Found[] }; error?: string } = await response.json();
    if (answer.data === undefined) throw new Error(`${parameters['query']}: ${answer.error}`);
    return answer.data.result.map(({ metric, value, values }) => ({
      metric,
      samples: values ?? (value === undefined ? [] : [value]),
    }));
  };

  const deadline = performance.now() + 60_000;
  for (;;) {
    const ready = await fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) break;
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`Prometheus did not start. The end of its log:\n${log}`);
    }
    await sleep(50);
  }

  return {
    url,
    query: (expr) => ask('query', { query: expr }),
    queryRange: (expr, startMs) =>
      ask('query_range', {
        query: expr,
        start: String(startMs / 1000),
        end: String(Date.now() / 1000),
        step: '1s',
      }),
    labelValues: async (selector, label) => {
      const response = await fetch(
        `${url}/api/v1/label/${label}/values?${new URLSearchParams({ 'match[]': selector })}`,
      );
      const answer: { data: string[] } = await response.json();
      return answer.data;
    },
    complaints: async () => {
      const answer: { data: { activeTargets: { scrapeUrl: string; lastError: string }[] } } = await (
        await fetch(`${url}/api/v1/targets`)
      ).json();
      return answer.data.activeTargets.flatMap(({ scrapeUrl, lastError }) =>
        lastError === '' ? [] : [`${scrapeUrl}: ${lastError}`],
      );
    },
    stop: async () => {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}
