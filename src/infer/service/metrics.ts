import { metricsIn, type Registry } from '../../metrics/index.js';

/** What a service counts. docs/metrics.md lists it. */
export interface ServiceMetrics {
  /** A request to classify has its answer, after so many seconds. */
  answered(status: number, seconds: number): void;
  /** A thread has taken so many images at once. */
  batched(images: number): void;
  /** Requests that have none yet. */
  inHand(requests: number): void;
}

const secondsBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];
const batchBuckets = [1, 2, 4, 8, 16, 32, 64];

export function createServiceMetrics(
  registry: Registry,
  facts: { version: string; kernels: string; numericsId: string },
): ServiceMetrics {
  const { counter, gauge, histogram, info } = metricsIn(registry);
  info('onko_build_info', 'Version of Onko, and what this process is.', {
    version: facts.version,
    role: 'service',
  });
  info('onko_kernels_info', 'Numeric backend of this process, and its numerics id.', {
    backend: facts.kernels,
    numerics_id: facts.numericsId,
  });
  const answers = counter('onko_service_answers_total', 'Answers to requests to classify, by HTTP status.', [
    'status',
  ]);
  answers.inc({ status: '200' }, 0);
  const seconds = histogram(
    'onko_service_seconds',
    'From the head of a request to classify to its answer, the upload included.',
    secondsBuckets,
  );
  const batches = histogram(
    'onko_service_batch_images',
    'Images that a thread took at once: those that had come while all threads were busy.',
    batchBuckets,
  );
  const requests = gauge('onko_service_in_hand', 'Requests to classify that have no answer yet.');
  return {
    answered(status, took) {
      answers.inc({ status: String(status) });
      seconds.observe(took);
    },
    batched: (images) => batches.observe(images),
    inHand: (count) => requests.set(count),
  };
}
