// `npm start`: from nothing to an evaluated model. Demo set (drawn once), training with two workers in this machine, evaluation.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const demo = join(root, 'demo');
const at = (path) => relative(process.cwd(), path) || '.';

/** One program of the package, its output passed through. Ends this script with the program's exit code if it fails. */
async function run(title, program, args) {
  process.stderr.write(`\n${title}\n  ${[program, ...args].join(' ')}\n\n`);
  const child = spawn(process.execPath, [join(root, 'dist', 'cli', `${program}.js`), ...args], {
    stdio: 'inherit',
  });
  // A signal from the terminal reaches the child too: it ends in order, and so does this script.
  process.on('SIGINT', () => {});
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(signal === null ? status : 1));
  });
  if (code !== 0) process.exit(code);
}

if (!existsSync(join(root, 'dist', 'cli', 'onko.js'))) {
  process.stderr.write('Onko is not built yet: run `npm ci` (or `npm run build`) first.\n');
  process.exit(2);
}

const startMs = performance.now();
const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
const out = at(join(root, 'runs', `demo-${stamp}`));

await run('1. The demo set: Bengali digits drawn from open fonts', 'onko', ['dataset', 'demo', at(demo)]);
const folders = ['--data', at(demo), '--train', 'training-a,training-b'];
await run('2. Training: LeNet, two workers, no broker', 'onko', [
  'train',
  ...folders,
  '--workers',
  '2',
  '--epochs',
  '8',
  '--out',
  out,
]);
const testing = join(at(demo), 'testing-a');
await run('3. Evaluation on digits from fonts and hands that it has not seen', 'cnn-infer', [
  testing,
  '--eval',
  '--model',
  join(out, 'model.safetensors'),
  '--report',
  join(out, 'report.html'),
]);

process.stderr.write(`
Done in ${Math.round((performance.now() - startMs) / 1000)} s.
  demo set     ${at(demo)}
  run          ${out}  (model.safetensors, history.csv, curves.png, checkpoints)
  predictions  ${join(testing, 'predictions.csv')}
  evaluation   ${join(testing, 'evaluation')}
  report       ${join(out, 'report.html')}

Your own images next:  npx onko train --data DIR --train FOLDER,FOLDER   and   npx cnn-infer FOLDER --eval
`);
