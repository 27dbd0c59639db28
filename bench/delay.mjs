// What a delay hides: the same run over RabbitMQ without one and with, in turns, several rounds. Linux only.
//   npm run build:test-programs && node bench/delay.mjs [DATA] [--train training-a] [--broker amqp://…] [--model lenet] [--batch 256]
//     [--workers 2] [--delays 0,1] [--rounds 5] [--seconds 5]
// Without DATA it draws the demo set first, without --broker it starts a RabbitMQ of its own. Every ratio is to the first delay of the
// same round.
import { loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { brokerOf } from './broker.mjs';
import { overRabbitMq } from './cluster/contenders.mjs';
import { median, table } from './measure.mjs';
import { drawDemo, finished, workspace } from './programs.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    train: { type: 'string', default: 'training-a' },
    broker: { type: 'string' },
    model: { type: 'string', default: 'lenet' },
    batch: { type: 'string', default: '256' },
    workers: { type: 'string', default: '2' },
    delays: { type: 'string', default: '0,1' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
  },
});
const { train, model } = values;
let data = positionals[0] === undefined ? null : resolve(positionals[0]);
if (data === null) {
  data = `${workspace}/demo`;
  await finished(drawDemo([data, '--count', `${train}=4096`]));
}
const broker = await brokerOf(values.broker);
const what = { model, batch: Number(values.batch), seconds: Number(values.seconds), data, train };
const contenders = values.delays.split(',').map((delay) => {
  const way = overRabbitMq(Number(values.workers), broker, ['--delay', delay]);
  return { delay, way, results: [] };
});
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    // Turned round every other time: who comes first is not always the same.
    const turns = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const { delay, way, results } of turns) {
      const result = await way.measure(what);
      results.push(result);
      const rate = Math.round(result.imagesPerSecond);
      process.stderr.write(
        `round ${round + 1}, delay ${delay}: ${rate} images/s, load ${loadavg()[0].toFixed(1)}\n`,
      );
    }
  }
} finally {
  await broker.stop();
}

const [first] = contenders;
const names = Object.keys(first.results[0].processorSecondsPerImage);
const rows = contenders.map(({ delay, results }) => {
  const ratios = results.map((result, i) => result.imagesPerSecond / first.results[i].imagesPerSecond);
  const used = names.map((name) => 1e6 * median(results.map((one) => one.processorSecondsPerImage[name])));
  const rate = median(results.map(({ imagesPerSecond }) => imagesPerSecond));
  return [delay, Math.round(rate), median(ratios).toFixed(2), ...used.map((seconds) => seconds.toFixed(0))];
});
console.log(
  table([['delay', 'images/s', 'ratio', ...names.map((name) => `${name}, CPU-s per million`)], ...rows]),
);
