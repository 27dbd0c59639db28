import { availableParallelism } from 'node:os';
import { openService } from '../../infer/index.js';
import { createRegistry, serveMetrics } from '../../metrics/index.js';
import { assetRoutes } from '../../page/index.js';
import { realTimers, within } from '../../transport/index.js';
import type { ExitCode } from '../exit-codes.js';
import { version } from '../host.js';
import type { Values } from '../options/table.js';
import type { serveTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { openClassifier } from './infer-model.js';

/** What has come is answered; who has sent half an image by then is not waited for. */
const lastAnswersMs = 10_000;

/** `cnn-infer serve`: until it is told to end, which is no failure. */
export async function runServe(values: Values<typeof serveTable>, session: Session): Promise<ExitCode> {
  const { log, host, signals } = session;
  const { model, kernels, views } = await openClassifier(values, 1, session);
  const registry = createRegistry();
  const service = openService({
    model,
    kernels,
    views,
    threads: values.threads ?? availableParallelism(),
    uploadBytes: values.maxUpload * 2 ** 20,
    requestsAtOnce: values.maxRequests,
    registry,
    version,
    now: host.now,
  });
  try {
    const server = await serveMetrics({
      registry,
      host: values.host,
      port: values.port,
      allowedHosts: values.allowHost ?? [],
      paths: new Map([...(await assetRoutes('draw')), ...service.paths]),
      posts: service.posts,
      flags: { port: '--port', host: '--host' },
    });
    try {
      session.print(
        `Draw a digit at ${server.url}/ or send an image to ${server.url}/classify; Ctrl-C ends.`,
      );
      await aborted(signals.stop);
      await within(realTimers, lastAnswersMs, service.drain(), late);
    } catch (error) {
      log.warn(error instanceof Error ? error.message : String(error));
    } finally {
      await server.close();
    }
  } finally {
    await service.close();
  }
  return 0;
}

const late = (): Error => new Error('Some requests did not come to an end in time: they get no answer.');

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
