// Some of the simulated workers of a cluster, in one process. Told to add some, it says when they have joined. Started by cluster.mjs.
import { collectAtOnce } from '../../dist/cli/garbage.js';
import { resolveKernels } from '../../dist/engine/index.js';
import { startSimulatedWorkers } from '../simulated-workers.mjs';

collectAtOnce(); // As every command does.
const { broker, run, version } = JSON.parse(process.argv[2]);
const { kernels } = resolveKernels();
let pauseMs = 0;
const options = { kernels, version, run, pauseMs: () => pauseMs };

process.once('disconnect', () => process.exit());
async function obey(message) {
  if (message.pauseMs !== undefined) pauseMs = message.pauseMs;
  if (message.add !== undefined) await startSimulatedWorkers(broker, message.add, options);
  process.send({ done: true });
}
// What goes wrong ends the process, which whoever asked sees.
process.on('message', (message) => void obey(message));
process.send({ ready: true });
