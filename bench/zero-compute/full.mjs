// A step of the whole protocol without its computing: the real coordinator, and workers that answer with a prepared gradient as soon as
// task and weights are there. Started by ../zero-compute.mjs, one process for each part.
import { collectAtOnce } from '../../dist/cli/garbage.js';
import { namedSpecs, resolveKernels } from '../../dist/engine/index.js';
import { createRabbitTransport } from '../../dist/transport/index.js';
import { startEmptyRun } from '../empty-run.mjs';
import { startSimulatedWorkers } from '../simulated-workers.mjs';
import { report, settings, stopwatch } from './part.mjs';

const { role, broker, name, worker, workers, steps, model, microshards, folder } = settings;
collectAtOnce(); // As every command does.
const version = 'bench';
const { kernels } = resolveKernels();

async function coordinate() {
  const watch = stopwatch(steps);
  const coordinator = await startEmptyRun({
    name,
    model: namedSpecs.get(model),
    steps: watch.total,
    microshards,
    workers,
    folder,
    transport: await createRabbitTransport({ url: broker, connectionName: `zero-compute ${name}` }),
    kernels,
    version,
    onStep: () => watch.step(),
  });
  report({ ready: true });
  await coordinator.finished;
  report(watch.result());
}

await (role === 'coordinator'
  ? coordinate()
  : startSimulatedWorkers(broker, [worker], { kernels, version, run: name }));
