// The coordinator of a simulated cluster, in a process of its own. Asked to look, it tells at the end of the step under way, or of the
// first one that all the workers take part in, what it has used. Started by cluster.mjs.
import { collectAtOnce } from '../../dist/cli/garbage.js';
import { resolveKernels } from '../../dist/engine/index.js';
import { createRegistry } from '../../dist/metrics/index.js';
import { createRabbitTransport } from '../../dist/transport/index.js';
import { startEmptyRun } from '../empty-run.mjs';

const { broker, name, model, microshards, folder, version } = JSON.parse(process.argv[2]);
collectAtOnce(); // As every command does.

const transport = await createRabbitTransport({ url: broker, connectionName: name });
let link = null;
const metrics = createRegistry();
let steps = 0;
let endedMs = performance.now();
/** Milliseconds of the steps since the last answer. */
let stepsMs = [];
/** Who wants to know, once so many workers take part. */
let asked = null;

async function tell() {
  const wanted = asked;
  const { user, system } = process.cpuUsage();
  const { values } = await metrics.getSingleMetric('onko_workers').get();
  if (asked !== wanted || values[0]?.value !== wanted.workers) return;
  asked = null;
  process.send({ steps, stepsMs, processorMs: (user + system) / 1000 });
  stepsMs = [];
}

await startEmptyRun({
  name,
  model,
  steps: 256,
  epochs: 1000,
  microshards,
  workers: 1,
  folder,
  version,
  metrics,
  kernels: resolveKernels().kernels,
  transport: {
    name: transport.name,
    openCoordinator: async (options) => (link = await transport.openCoordinator(options)),
    openWorker: (options) => transport.openWorker(options),
    close: () => transport.close(),
  },
  onStep: () => {
    steps += 1;
    const nowMs = performance.now();
    stepsMs.push(nowMs - endedMs);
    endedMs = nowMs;
    if (asked !== null) void tell();
  },
});
process.on('message', (message) => (asked = message));
// The run has no end: it is broken off, and nothing of it stays on the broker.
process.once('disconnect', () => void link.deleteRun().finally(() => process.exit()));
process.send({ ready: true });
