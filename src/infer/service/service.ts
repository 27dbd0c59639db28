import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Augmentation, channelsOf } from '../../data/index.js';
import { buildModel, type Kernels } from '../../engine/index.js';
import type { PathHandler, Registry } from '../../metrics/index.js';
import { pictureUrl } from '../../page/index.js';
import type { ModelFile } from '../../store/index.js';
import { tempered } from '../predict.js';
import { rank } from '../rank.js';
import { checkOrigin, checkType, RequestError, readBody, sendJson } from './http.js';
import { openImageThreads } from './image-threads.js';
import { createServiceMetrics } from './metrics.js';

/** Classifies what is sent to it, for a server that has its paths. */
export interface Service {
  /** `/classify` */
  posts: ReadonlyMap<string, PathHandler>;
  /** `/model` */
  paths: ReadonlyMap<string, PathHandler>;
  /** Refuses what comes from now on with 503, and resolves when what came before has its answer. */
  drain(): Promise<void>;
  /** Ends at once. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  model: ModelFile;
  kernels: Kernels;
  views: readonly Augmentation[];
  threads: number;
  /** Of one image. */
  uploadBytes: number;
  /** Requests that may be without an answer at once. */
  requestsAtOnce: number;
  registry: Registry;
  version: string;
  /** Milliseconds, only forward. */
  now: () => number;
}

const busy = { 'retry-after': '1' };
const defaultTop = 3;

export function openService(o: ServiceOptions): Service {
  const { model, kernels, views, now } = o;
  const { classes, preprocessing } = model;
  const metrics = createServiceMetrics(o.registry, {
    version: o.version,
    kernels: kernels.name,
    numericsId: kernels.numericsId,
  });
  const threads = openImageThreads({
    model,
    kernels,
    views,
    threads: o.threads,
    onBatch: (images) => metrics.batched(images),
  });
  let inHand = 0;
  let isClosing = false;
  let onIdle: (() => void) | null = null;

  /** @throws RequestError */
  const answer = async (request: IncomingMessage): Promise<unknown> => {
    checkOrigin(request);
    if (isClosing) throw new RequestError(503, 'This server is ending.', busy);
    if (inHand > o.requestsAtOnce) {
      throw new RequestError(503, 'Too many images at once: try again in a moment.', busy);
    }
    checkType(request);
    const { top, picture } = queryOf(request, classes.length);
    const body = await readBody(request, o.uploadBytes);
    if (body.length === 0) {
      throw new RequestError(400, 'The bytes of an image were expected as the body, and there are none.');
    }
    const found = await threads.classify(body);
    if (found.reason !== null) {
      const status = found.fault === 'image' ? 422 : 500;
      throw new RequestError(status, `The image cannot be used: ${found.reason}.`);
    }
    const [ranked] = rank([''], tempered(model, found.probabilities), classes, top);
    const { digit, confidence, others } = ranked;
    const { width, height } = preprocessing;
    const channels = channelsOf(preprocessing);
    return {
      digit,
      confidence,
      top: [{ digit, confidence }, ...others],
      ...(picture ? { picture: pictureUrl({ pixels: found.pixels, width, height, channels }) } : {}),
    };
  };

  const classify = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startedMs = now();
    inHand += 1;
    metrics.inHand(inHand);
    let status = 200;
    try {
      sendJson(response, status, await answer(request));
    } catch (error) {
      const told =
        error instanceof RequestError ? error : new RequestError(500, 'Something went wrong here.');
      status = told.status;
      sendJson(response, status, { error: told.message }, told.headers);
    } finally {
      inHand -= 1;
      metrics.inHand(inHand);
      metrics.answered(status, (now() - startedMs) / 1000);
      if (inHand === 0) onIdle?.();
    }
  };

  const built = buildModel(model.spec);
  const description = {
    name: model.spec.name,
    classes,
    parameters: built.parameterCount,
    input: [channelsOf(preprocessing), preprocessing.height, preprocessing.width],
    temperature: model.temperature ?? null,
    views: 1 + views.length,
    kernels: kernels.name,
    uploadBytes: o.uploadBytes,
    version: o.version,
  };
  return {
    posts: new Map([['/classify', (request, response) => void classify(request, response)]]),
    paths: new Map([['/model', (_, response) => sendJson(response, 200, description)]]),
    async drain() {
      isClosing = true;
      if (inHand === 0) return;
      await new Promise<void>((resolve) => {
        onIdle = resolve;
      });
    },
    close: () => threads.close(),
  };
}

/** @throws RequestError 400 */
function queryOf(request: IncomingMessage, classes: number): { top: number; picture: boolean } {
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const unknown = [...searchParams.keys()].find((key) => key !== 'top' && key !== 'picture');
  if (unknown !== undefined) {
    throw new RequestError(400, `There is no parameter "${unknown.slice(0, 40)}": top and picture are all.`);
  }
  const given = searchParams.get('top');
  const top = given === null ? Math.min(defaultTop, classes) : Number(given);
  if (!Number.isInteger(top) || top < 1 || top > classes) {
    throw new RequestError(400, `top has to be a whole number from 1 to ${classes}.`);
  }
  const picture = searchParams.get('picture') ?? '0';
  if (picture !== '0' && picture !== '1') throw new RequestError(400, 'picture has to be 0 or 1.');
  return { top, picture: picture === '1' };
}
