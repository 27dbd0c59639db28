import type { Coordinator, TrainingSpec } from '../../coordinator/index.js';
import { type Log, type Registry, redactText, serveMetrics } from '../../metrics/index.js';
import { createLivePage, type Message, type PageReading } from '../../page/index.js';
import { rememberPictures, stateBefore, stateOf } from './page-state.js';
import { createPhaseMeans } from './phase-means.js';

/** The live page of a run and its metrics, from before its images are read until the process ends. */
export interface LiveRun {
  /** A log whose lines the page shows, too. */
  log: Log;
  preparing(done: number, total: number): void;
  show(coordinator: Coordinator): void;
  /** The run ended with an error; in words for people. */
  failed(reason: string): void;
  close(): Promise<void>;
}

/** Where nothing is served. */
export const unseen = (log: Log): LiveRun => ({
  log,
  preparing: () => {},
  show: () => {},
  failed: () => {},
  close: async () => {},
});

const messagesKept = 15;
/** The page has a table of these. */
const isEpochLine = /^Epoch \d+ of \d+:/;
const lookEveryMs = 1000;

/** @throws MetricsServerError */
export async function openLiveRun(o: {
  host: string;
  port: number;
  /** Names that the server may be called by, beside those of this machine. */
  allowedHosts?: readonly string[];
  spec: TrainingSpec;
  version: string;
  registry: Registry;
  log: Log;
  now: () => number;
}): Promise<LiveRun> {
  const { spec, version } = o;
  const picture = rememberPictures();
  const means = createPhaseMeans(o.registry);
  let messages: Message[] = [];
  let note: string | null = null;
  let failure: string | null = null;
  let shown: Coordinator | null = null;

  const read = (): PageReading => {
    const seen = shown?.view() ?? null;
    const sections = seen === null ? stateBefore(spec, version, note) : stateOf(seen, spec, version, picture);
    const progress =
      failure === null
        ? sections.progress
        : { ...sections.progress, phase: 'failed' as const, note: failure, etaSeconds: null };
    return { ...sections, progress, phases: means.latest(), messages };
  };

  const page = await createLivePage({ read, now: o.now });
  const server = await serveMetrics({
    registry: o.registry,
    host: o.host,
    port: o.port,
    allowedHosts: o.allowedHosts,
    paths: page.routes,
    health: () => shown?.illness() ?? null,
  });
  o.log.info('metrics are served', { url: `${server.url}/metrics` });
  o.log.info('the run can be watched', { url: `${server.url}/` });
  const looking = setInterval(() => void means.look(), lookEveryMs);
  looking.unref();
  const keep = (level: Message['level'], text: string): void => {
    messages = [...messages, { atMs: Date.now(), level, text: redactText(text) }].slice(-messagesKept);
  };
  return {
    log: overheard(o.log, keep),
    preparing(done, total) {
      note = `${done.toLocaleString('en-GB')} of ${total.toLocaleString('en-GB')} images are prepared.`;
    },
    show: (coordinator) => {
      shown = coordinator;
    },
    failed(reason) {
      failure = redactText(reason);
    },
    async close() {
      clearInterval(looking);
      await page.close();
      await server.close();
    },
  };
}

/** Sentences are for people; lines that are only a word and fields are not. */
function overheard(log: Log, keep: (level: Message['level'], text: string) => void): Log {
  const also =
    (level: Message['level']): Log['info'] =>
    (message, fields) => {
      log[level](message, fields);
      if (/[.!?]$/.test(message) && !isEpochLine.test(message)) keep(level, message);
    };
  return { ...log, info: also('info'), warn: also('warn'), error: also('error') };
}
